using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Configuration;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Search;

/// <summary>
/// manifest.json in the folder of an index: what the folder has, with the SHA-256 of every file, and at last one of
/// the manifest itself (<see cref="JsonSeal"/>).
/// </summary>
/// <param name="Rows">Number of videos.</param>
/// <param name="Width">Values of an embedding.</param>
/// <param name="Precision">float32 or bf16.</param>
/// <param name="Origin">What computed the embeddings; null if it is not known.</param>
/// <param name="Graph">How its graph was built; null for an exact index.</param>
/// <param name="Files">
/// The other files: ids.txt, that of the vectors, graph.usearch if there is a graph, titles.jsonl if there are titles.
/// </param>
public sealed record IndexManifest(int Rows, int Width, ElementType Precision, EmbeddingOrigin? Origin, GraphParameters? Graph, IReadOnlyList<WrittenFile> Files)
{
    /// <summary>Name of the file.</summary>
    public const string Name = "manifest.json";

    internal const string Ids = "ids.txt", Titles = "titles.jsonl", GraphFile = "graph.usearch";

    /// <summary>Every row is compared, so the result is that of brute force.</summary>
    public const string Exact = "exact";

    /// <summary>A graph finds the rows to compare.</summary>
    public const string Hnsw = "hnsw";

    // The largest connectivity and expansion of a graph: more than any graph needs.
    private const int MostConnectivity = 256, MostExpansion = 1 << 16;

    private const int Format = 1;

    // Keys of the manifest.
    private const string FormatKey = "format", KindKey = "kind", RowsKey = "rows", WidthKey = "width", PrecisionKey = "precision", OriginKey = "origin", FilesKey = "files",
        BytesKey = "bytes", HashKey = "sha256", GraphKey = "graph", ConnectivityKey = "connectivity", ExpansionKey = "expansion";

    /// <summary>The kind of the index: <see cref="Exact"/> or <see cref="Hnsw"/>.</summary>
    public string Kind => Graph is null ? Exact : Hnsw;

    /// <summary>Name of the file of the vectors.</summary>
    internal string Vectors => VectorsOf(Precision);

    internal static string VectorsOf(ElementType precision) => $"vectors.{PrecisionName.Of(precision)}";

    /// <summary>Writes the manifest.</summary>
    internal void WriteTo(Stream stream)
    {
        var files = new JsonObject();
        foreach (var file in Files)
            files[file.Name] = new JsonObject { [BytesKey] = file.Bytes, [HashKey] = file.Sha256 };
        var manifest = new JsonObject
        {
            [FormatKey] = Format,
            [KindKey] = Kind,
            [RowsKey] = Rows,
            [WidthKey] = Width,
            [PrecisionKey] = PrecisionName.Of(Precision),
            [OriginKey] = Origin?.ToJson(),
            [FilesKey] = files,
        };
        if (Graph is not null)
            manifest[GraphKey] = new JsonObject { [ConnectivityKey] = Graph.Connectivity, [ExpansionKey] = Graph.Expansion };
        JsonSeal.Write(stream, manifest);
    }

    /// <summary>Reads the manifest of a folder.</summary>
    /// <exception cref="DataException">
    /// The folder is not that of an index, or the manifest is damaged; the message names the file.
    /// </exception>
    internal static IndexManifest Read(string folder)
    {
        string path = Path.Combine(folder, Name);
        if (!File.Exists(path))
            throw new DataException($"{folder}: {(File.Exists(folder) ? "is a file, not the folder of an index" : Directory.Exists(folder) ? $"is not the folder of an index: it has no {Name}" : "there is no such folder")}; 'index build' makes one");
        var json = JsonFile.ReadObject(path);
        if (!JsonSeal.IsWhole(json))
            throw new DataException($"{path}: is not the manifest of an index, or has changed since it was written");
        if (Get<int>(FormatKey) != Format || Get<string>(KindKey) is not (Exact or Hnsw))
            throw new DataException($"{path}: is of another version of the program; build the index again");
        int rows = Get<int>(RowsKey), width = Get<int>(WidthKey);
        var precision = PrecisionName.Parse(Get<string>(PrecisionKey));
        var origin = json[OriginKey] is JsonObject known ? EmbeddingOrigin.FromJson(known) ?? throw Wrong(OriginKey) : null;
        if (rows <= 0)
            throw Wrong(RowsKey);
        if (width is <= 0 or > EmbeddingTable.MaxWidth)
            throw Wrong(WidthKey);
        var graph = Get<string>(KindKey) == Hnsw ? GraphOf(json[GraphKey]) ?? throw Wrong(GraphKey) : null;
        if (graph is null && json.ContainsKey(GraphKey))
            throw Wrong(GraphKey);
        string[] names = precision is { } type ? [Ids, VectorsOf(type), .. graph is null ? Array.Empty<string>() : [GraphFile]] : throw Wrong(PrecisionKey);
        if (json[FilesKey] is not JsonObject listed || !names.All(listed.ContainsKey) || listed.Any(file => !names.Contains(file.Key) && file.Key != Titles))
            throw Wrong(FilesKey);
        var manifest = new IndexManifest(rows, width, type, origin, graph, [.. listed.Select(file => FileOf(file.Key, file.Value) ?? throw Wrong(FilesKey))]);
        long bytes = manifest.Files.First(file => file.Name == manifest.Vectors).Bytes;
        return bytes == (long)rows * width * type.Size() ? manifest : throw new DataException($"{path}: {rows} rows of {width} values are not {bytes} bytes");

        T? Get<T>(string key) => IndexManifest.Get<T>(json, key);

        DataException Wrong(string key) => new($"{path}: {key} is missing or has a wrong value");
    }

    private static T? Get<T>(JsonObject json, string key) => json[key] is JsonValue value && value.TryGetValue(out T? found) ? found : default;

    private static GraphParameters? GraphOf(JsonNode? node) => node is JsonObject graph && Get<int>(graph, ConnectivityKey) is >= 2 and <= MostConnectivity and var connectivity
        && Get<int>(graph, ExpansionKey) is >= 1 and <= MostExpansion and var expansion ? new GraphParameters(connectivity, expansion) : null;

    private static WrittenFile? FileOf(string name, JsonNode? node) => node is JsonObject file && file[BytesKey] is JsonValue bytes && bytes.TryGetValue(out long size) && size >= 0
        && file[HashKey] is JsonValue hash && hash.TryGetValue(out string? sha256) ? new WrittenFile(name, size, sha256) : null;
}
