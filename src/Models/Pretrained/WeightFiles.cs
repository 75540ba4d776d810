using System.Buffers.Binary;
using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Pretrained.Torch;

namespace VideoSim.Models.Pretrained;

/// <summary>The files with the weights of a published encoder: one, or the shards that an index lists.</summary>
internal sealed class WeightFiles : IDisposable
{
    private const string Safetensors = $"model{SafetensorsFormat.Extension}", Torch = "pytorch_model.bin", Hdf5 = "tf_model.h5", IndexSuffix = ".index.json";

    // In the order in which they are preferred.
    private static readonly string[] Known = [Safetensors, Safetensors + IndexSuffix, Torch, Torch + IndexSuffix, Hdf5];

    private readonly List<TensorFile> _files = [];

    private WeightFiles(string path) => Path = path;

    /// <summary>Path of the file, or of the index of its shards.</summary>
    public string Path { get; }

    /// <summary>Paths of the file and of the shards that are read.</summary>
    public IEnumerable<string> Paths => _files.Select(static file => file.Path).Prepend(Path).Distinct();

    /// <summary>Size of the files that are read.</summary>
    public long ByteCount => _files.Sum(static file => new FileInfo(file.Path).Length);

    /// <summary>Names of other files with weights in the folder. They are not read.</summary>
    public IReadOnlyList<string> Unread { get; private init; } = [];

    /// <summary>All tensors.</summary>
    public IReadOnlyList<StoredTensor> Tensors { get; private set; } = [];

    /// <summary>
    /// The name of the file that <see cref="Open"/> reads in a folder; none if there are no weights.
    /// </summary>
    public static IEnumerable<string> Preferred(string folder) => Existing(folder).Take(1);

    /// <summary>
    /// Opens the weights of a folder. Prefers safetensors to PyTorch and PyTorch to HDF5, and one file to shards.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="openHdf5">Opens an HDF5 file; null in a program without a reader for it.</param>
    /// <exception cref="DataException">
    /// There are no weights, or they are damaged; the message names file and tensor.
    /// </exception>
    public static WeightFiles Open(string folder, Func<string, TensorFile>? openHdf5)
    {
        string[] found = Existing(folder);
        if (found.Length == 0)
            throw new DataException($"{folder}: has no weights: none of {string.Join(", ", Known)}");
        var files = new WeightFiles(System.IO.Path.Combine(folder, found[0])) { Unread = found[1..] };
        try
        {
            files.Tensors = found[0].EndsWith(IndexSuffix, StringComparison.Ordinal) ? files.OpenShards(folder, openHdf5) : files.OpenFile(files.Path, openHdf5).Tensors;
            return files;
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    private static string[] Existing(string folder) => [.. Known.Where(name => File.Exists(System.IO.Path.Combine(folder, name)))];

    /// <inheritdoc/>
    public void Dispose() => _files.ForEach(static file => file.Dispose());

    private TensorFile OpenFile(string path, Func<string, TensorFile>? openHdf5)
    {
        using (var bytes = FileBytes.Open(path))
        {
            byte[] start = bytes.Read(0, (int)Math.Min(bytes.Length, 64), "the first bytes");
            SmallFile.CheckFetched(path, start);
            if (System.IO.Path.GetExtension(path) != SafetensorsFormat.Extension && IsSafetensors(start, bytes.Length))
                throw new DataException($"{path}: has the content of a safetensors file; its name must end in {SafetensorsFormat.Extension}");
        }
        var file = System.IO.Path.GetExtension(path) switch
        {
            SafetensorsFormat.Extension => SafetensorsFile.Open(path),
            ".bin" => TorchFile.Open(path),
            _ => (openHdf5 ?? throw new DataException($"{path}: this program was built without a reader for HDF5; it can read {Safetensors} or {Torch}"))(path),
        };
        _files.Add(file);
        return file;
    }

    // The length of a JSON object, then the object.
    private static bool IsSafetensors(ReadOnlySpan<byte> start, long fileBytes) =>
        start.Length > sizeof(ulong) && start[sizeof(ulong)] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(start) <= (ulong)fileBytes - sizeof(ulong);

    private List<StoredTensor> OpenShards(string folder, Func<string, TensorFile>? openHdf5)
    {
        var shards = new Dictionary<string, Dictionary<string, StoredTensor>>();
        var tensors = new List<StoredTensor>();
        foreach (var (name, shard) in ReadIndex())
        {
            if (System.IO.Path.GetFileName(shard) != shard || Printable.OneLine(shard) != shard || System.IO.Path.GetExtension(shard) != System.IO.Path.GetExtension(Path[..^IndexSuffix.Length]))
                throw new DataException($"{Path}: tensor {Printable.Quote(name)} is in {Printable.Quote(shard)}, which is not the name of a file in the same folder with the same ending");
            if (!shards.TryGetValue(shard, out var content))
            {
                content = OpenFile(System.IO.Path.Combine(folder, shard), openHdf5).Tensors.ToDictionary(static tensor => tensor.Name);
                shards.Add(shard, content);
            }
            tensors.Add(content.GetValueOrDefault(name)
                ?? throw new DataException($"{System.IO.Path.Combine(folder, shard)}: tensor {Printable.Quote(name)} is missing, but {System.IO.Path.GetFileName(Path)} lists it"));
        }
        return tensors;
    }

    private List<(string Tensor, string Shard)> ReadIndex()
    {
        try
        {
            using var json = JsonDocument.Parse(SmallFile.Read(Path), new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
                throw new DataException($"{Path}: has no weight_map");
            return [.. map.EnumerateObject().Select(entry => (entry.Name, entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()!
                : throw new DataException($"{Path}: the file of tensor {Printable.Quote(entry.Name)} is not a text")))];
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            throw new DataException($"{Path}: is not valid JSON: {Printable.OneLine(failure.Message)}", failure);
        }
    }
}
