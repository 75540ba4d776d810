using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Engine.Serialization;

namespace VideoSim.Engine.Devices;

/// <summary>One line of a <see cref="TuningTable"/>: the algorithm for one kind of product.</summary>
/// <param name="Product">The kind.</param>
/// <param name="Algorithm">The 64 bytes that the library describes the algorithm with, as hex digits.</param>
/// <param name="Microseconds">Median time of this algorithm.</param>
/// <param name="FirstMicroseconds">Median time of the first one that the library's heuristic returns.</param>
/// <param name="Candidates">Number of algorithms that were timed.</param>
public sealed record TunedProduct(ProductKind Product, string Algorithm, double Microseconds, double FirstMicroseconds, int Candidates);

/// <summary>
/// Algorithms of cuBLASLt for kinds of matrix products, by one version of the library on one kind of GPU. The command
/// <c>bench tune</c> writes such files. A table chooses among the algorithms that the library offers. Products that it
/// does not have get the library's first choice.
/// </summary>
public sealed class TuningTable
{
    /// <summary>The most algorithms that the library is asked for.</summary>
    internal const int MostCandidates = 8;

    private const int Format = 1, HexDigits = 128;

    private readonly TuningFile _file;
    private readonly Dictionary<ProductKind, TunedProduct> _products;

    private TuningTable(string path, byte[] content, TuningFile file)
    {
        (Path, Content, _file) = (path, content, file);
        _products = file.Products.ToDictionary(static row => row.Product);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its bytes.</summary>
    public ReadOnlyMemory<byte> Content { get; }

    /// <summary>SHA-256 of the bytes, as hex digits.</summary>
    public string Sha256 => Convert.ToHexStringLower(SHA256.HashData(Content.Span));

    /// <summary>The lines.</summary>
    public IReadOnlyList<TunedProduct> Products => _file.Products;

    /// <summary>Reads a table.</summary>
    /// <exception cref="DataException">
    /// The file cannot be read, or a value is not possible; the message names file, product and field.
    /// </exception>
    public static TuningTable Read(string path) => Parse(path, JsonFile.ReadBytes(path));

    /// <summary>The table in the bytes of a file that was read before.</summary>
    /// <exception cref="DataException">As in <see cref="Read"/>.</exception>
    public static TuningTable Parse(string path, byte[] content)
    {
        var file = JsonFile.Parse(path, content, TuningJson.Default.TuningFile);
        if (Problem(file) is { } problem)
            throw new DataException($"{path}: {problem}");
        var known = new HashSet<ProductKind>();
        for (int i = 0; i < file.Products.Count; i++)
        {
            if (Problem(file.Products[i]) is { } wrong)
                throw new DataException($"{path}: product {i + 1}: {wrong}");
            if (!known.Add(file.Products[i].Product))
                throw new DataException($"{path}: product {i + 1}: is in the table twice");
        }
        return new TuningTable(path, content, file);
    }

    /// <summary>Writes a table, whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">The GPU that the products were timed on.</param>
    /// <param name="date">The day, UTC.</param>
    /// <param name="products">The lines.</param>
    /// <exception cref="DataException">The file cannot be written.</exception>
    public static void Write(string path, CudaDevice device, DateOnly date, IReadOnlyList<TunedProduct> products) => AtomicFile.Write(path, stream =>
    {
        var file = new TuningFile(Format, DeviceNames.WithoutNumber(device.Name), CudaDevice.ProductsVersion.ToString(), date, products);
        JsonSerializer.Serialize(stream, file, TuningJson.Default.TuningFile);
        stream.Write("\n"u8);
    });

    /// <summary>Refuses the table of another GPU or of another version of the library.</summary>
    /// <param name="gpu">Name of the GPU that is to use it, without its number.</param>
    /// <param name="cublasLt">Version of the library there.</param>
    /// <exception cref="DataException">They differ; the message names both.</exception>
    public void RequireFor(string gpu, Version cublasLt)
    {
        if (_file.Gpu != gpu || _file.CublasLt != cublasLt.ToString())
            throw new DataException($"{Path}: is a table of {_file.Gpu} with cuBLASLt {_file.CublasLt}, and this is {gpu} with cuBLASLt {cublasLt}; 'bench tune' makes a table here");
    }

    /// <summary>The line of a kind of product; null if there is none.</summary>
    internal TunedProduct? Find(in ProductKind kind) => _products.GetValueOrDefault(kind);

    private static string? Problem(TuningFile file)
    {
        if (file.Format != Format)
            return $"format cannot be {file.Format}; it must be {Format}";
        if (string.IsNullOrWhiteSpace(file.Gpu) || Printable.OneLine(file.Gpu) != file.Gpu)
            return "gpu is not the name of a GPU";
        bool hasVersion = Version.TryParse(file.CublasLt, out var version) && version.ToString() == file.CublasLt;
        return !hasVersion ? "cublaslt is not a version, such as 12.4.5" : file.Products is null ? "products is null" : null;
    }

    private static string? Problem(TunedProduct? row)
    {
        if (row is null)
            return "is null";
        if (row.Product.Problem() is { } problem)
            return problem;
        if (row.Algorithm is not { Length: HexDigits } || !row.Algorithm.All(char.IsAsciiHexDigitLower))
            return $"algorithm is not {HexDigits} hex digits";
        if (row.Microseconds <= 0 || row.FirstMicroseconds <= 0)
            return $"{(row.Microseconds <= 0 ? "microseconds" : "first_microseconds")} must be above 0";
        return row.Candidates is < 1 or > MostCandidates ? $"candidates cannot be {row.Candidates}; it must be from 1 to {MostCandidates}" : null;
    }
}

/// <summary>The JSON of a <see cref="TuningTable"/>.</summary>
/// <param name="Format">Version of the format.</param>
/// <param name="Gpu">Name of the GPU without its number.</param>
/// <param name="CublasLt">Version of the library.</param>
/// <param name="Date">Day of the last measurement, UTC.</param>
/// <param name="Products">The lines.</param>
internal sealed record TuningFile(int Format, string Gpu, [property: JsonPropertyName("cublaslt")] string CublasLt, DateOnly Date, IReadOnlyList<TunedProduct> Products);

/// <summary>JSON of tuning tables.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TuningFile))]
internal sealed partial class TuningJson : JsonSerializerContext;
