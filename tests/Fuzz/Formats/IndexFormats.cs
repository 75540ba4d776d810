using System.Text.Json;
using VideoSim.Engine.Serialization;
using VideoSim.Fuzz.Mutation;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Configuration;
using VideoSim.Models.Progress;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;
using VideoSim.Search.USearch;

namespace VideoSim.Fuzz.Formats;

/// <summary>manifest.json of an index with a graph, or without. The other files stay as they are.</summary>
internal sealed class IndexManifestFormat() : Format("index-manifest", "i/manifest.json", "IndexManifest: index stat, search --index")
{
    public override IEnumerable<byte[]> Seeds() => [IndexFiles.ManifestWithTitles(IndexFiles.All[IndexManifest.Titles]), IndexFiles.All[IndexManifest.Name]];

    public override byte[] Mutate(Mutator mutator, byte[] input) => SealedJson.Mutate(mutator, input);

    public override void Prepare(string folder) => IndexFiles.Write(Path.Combine(folder, "i"));

    public override void Read(string path, byte[] input)
    {
        using var index = IndexFolder.Open(Path.GetDirectoryName(path)!, static () => IndexFiles.Graphs);
        var (text, manifest) = (JsonOracle.Strict(input), index.Manifest);
        Expect.Equal((text.GetProperty("rows").GetInt32(), text.GetProperty("width").GetInt32(), text.GetProperty("precision").GetString()), (manifest.Rows, manifest.Width, PrecisionName.Of(manifest.Precision)), "sizes");
        Expect.Equal((IndexFiles.Ids.Length, ElementType.BFloat16), (index.Ids.Count, manifest.Precision), "another index was taken");
        Expect.Equal(text.GetProperty("kind").GetString(), manifest.Kind, "kind");
        Expect.Equal(text.TryGetProperty("graph", out var graph) ? (graph.GetProperty("connectivity").GetInt32(), graph.GetProperty("expansion").GetInt32()) : (0, 0), (manifest.Graph?.Connectivity ?? 0, manifest.Graph?.Expansion ?? 0), "graph");
        bool isKnown = text.TryGetProperty("origin", out var origin) && origin.ValueKind == JsonValueKind.Object;
        Expect.Equal(isKnown ? origin.GetProperty("checkpoint").GetString() : null, manifest.Origin?.Checkpoint, "checkpoint");
        Expect.Equal(isKnown ? origin.GetProperty("model").GetString() : null, manifest.Origin?.Model, "model");
    }
}

/// <summary>The titles of an index, with a manifest that has their hash.</summary>
internal sealed class IndexTitlesFormat() : Format("index-titles", "i/titles.jsonl", "IndexFolder: search --index")
{
    public override IEnumerable<byte[]> Seeds() => [IndexFiles.All[IndexManifest.Titles], "null\n\"\\u4e2d\"\n\"a\\nb\"\n"u8.ToArray()];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Steps(input, bytes => mutator.OneIn(2) ? mutator.Lines(bytes) : mutator.Json(bytes));

    public override void Prepare(string folder) => IndexFiles.Write(Path.Combine(folder, "i"));

    public override void Read(string path, byte[] input)
    {
        string folder = Path.GetDirectoryName(path)!;
        File.WriteAllBytes(Path.Combine(folder, IndexManifest.Name), IndexFiles.ManifestWithTitles(input));
        using var index = VideoIndex.Open([folder], graphs: null, IProgressSink.None);
        var titles = index.TitlesOf(IndexFiles.Ids);
        byte[][] lines = [.. Split(input)];
        Expect.Equal(IndexFiles.Ids.Length, lines.Length, "lines");
        for (int row = 0; row < lines.Length; row++)
            Expect.Equal(JsonOracle.Strict(lines[row]).GetString(), titles.GetValueOrDefault(IndexFiles.Ids[row]), "title");
    }

    private static IEnumerable<byte[]> Split(byte[] input)
    {
        for (int start = 0; start < input.Length;)
        {
            int end = Array.IndexOf(input, (byte)'\n', start);
            yield return input[start..end];
            start = end + 1;
        }
    }
}

/// <summary>A small index with a graph.</summary>
internal static class IndexFiles
{
    private static readonly EmbeddingOrigin Origin = new("mix", new string('a', 64), EmbeddingRounding.Half, Fold: 3);

    /// <summary>The library for its graph.</summary>
    public static USearchLibrary Graphs { get; } = new();

    /// <summary>The ids of the videos.</summary>
    public static readonly string[] Ids = ["1", "b c", "三"];

    /// <summary>The content of its files, by name.</summary>
    public static IReadOnlyDictionary<string, byte[]> All { get; } = Make();

    /// <summary>Writes the index.</summary>
    public static void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, content) in All)
            File.WriteAllBytes(Path.Combine(folder, name), content);
    }

    /// <summary>The manifest of the index without its graph and with other titles.</summary>
    public static byte[] ManifestWithTitles(byte[] titles)
    {
        using var stream = new MemoryStream();
        var files = All.Where(static file => file.Key is not (IndexManifest.Name or IndexManifest.GraphFile)).Select(file => Of(file.Key, file.Key == IndexManifest.Titles ? titles : file.Value));
        new IndexManifest(Ids.Length, 2, ElementType.BFloat16, Origin, Graph: null, [.. files]).WriteTo(stream);
        return stream.ToArray();
    }

    private static WrittenFile Of(string name, byte[] content) => new(name, content.Length, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)));

    private static Dictionary<string, byte[]> Make()
    {
        var temporary = Directory.CreateTempSubdirectory("videosim-fuzz-");
        try
        {
            string embeddings = Path.Combine(temporary.FullName, "e.zip"), folder = Path.Combine(temporary.FullName, "i");
            var builder = new EmbeddingTableBuilder(embeddings);
            foreach (string id in Ids)
                builder.Add(id, [id.Length, -0.5]);
            SubmissionFile.Write(embeddings, builder.Build(Origin), EmbeddingRounding.Half);
            using var source = EmbeddingSource.Open(embeddings);
            IndexFolder.Write(folder, source, new Dictionary<string, string> { ["1"] = "one", ["三"] = "drei \"3\"" }, ElementType.BFloat16, Graphs, IProgressSink.None, CancellationToken.None);
            return Directory.GetFiles(folder).ToDictionary(static file => Path.GetFileName(file), File.ReadAllBytes);
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }
}
