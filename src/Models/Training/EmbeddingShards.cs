using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Training;

/// <summary>
/// The embeddings of some videos as shards: files beside the file of embeddings that they become. A shard is a
/// safetensors file with the float32 values of its videos, and with digests of all that they depend on.
/// </summary>
public sealed class EmbeddingShards
{
    private const string Tensor = "embeddings", HashKey = "sha256";

    // The bytes of all values may be too many for one span.
    private const int ValuesAtATime = 1 << 20;

    private readonly string _output, _model, _videos;
    private readonly string[] _dictionary;
    private readonly ModelFolder _folder;
    private readonly IVideoDataset _dataset;

    /// <summary>Computes the digests of a model, whose weights are not yet read, and of some videos.</summary>
    /// <param name="output">The file of embeddings that the shards become.</param>
    /// <param name="folder">The model.</param>
    /// <param name="dictionary">The file of the tokenizer's dictionary; empty for the tokenizer's own.</param>
    /// <param name="dataset">The videos.</param>
    /// <exception cref="DataException">A file of the model cannot be read.</exception>
    public EmbeddingShards(string output, ModelFolder folder, IEnumerable<string> dictionary, IVideoDataset dataset)
    {
        (_output, _folder, _dictionary, _dataset) = (output, folder, [.. dictionary], dataset);
        _model = DigestOfModel();
        // Not the paths: they may differ between machines.
        _videos = Digest(dataset.Digests.Select(static file => $"{file.Bytes} {file.Sha256}"));
    }

    private int Width => _folder.Configuration.EmbeddingWidth;

    /// <summary>Path of the file of a shard.</summary>
    /// <param name="output">The file of embeddings that the shards become.</param>
    /// <param name="shard">The shard.</param>
    /// <exception cref="DataException">The ending of the output is none of a file of embeddings.</exception>
    public static string PathOf(string output, Shard shard) => shard.PathFor(SubmissionFile.TargetsOf(output)[0]);

    /// <summary>The shards of a file of embeddings. It does not read them.</summary>
    /// <exception cref="DataException">
    /// There is none, some are missing, or there are shards of two divisions. The message names them.
    /// </exception>
    public static IReadOnlyList<Shard> FindAll(string output)
    {
        var found = Shard.Find(output, static folder => FolderListing.Files(folder));
        Shard.RequireAll(output, output, found);
        return found;
    }

    /// <summary>Writes the file of a shard.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="values">Its embeddings [videos of the shard, EmbeddingWidth].</param>
    /// <param name="madeBy">What computed them; all shards of a result have the same.</param>
    /// <exception cref="DataException">
    /// The file cannot be written, or the model has changed since its digest was computed.
    /// </exception>
    public void Write(Shard shard, float[] values, MadeBy madeBy)
    {
        // A run may replace its best model meanwhile.
        if (DigestOfModel() != _model)
            throw new DataException($"{_folder.FolderPath}: the model changed while videos were embedded");
        var writer = new SafetensorsWriter();
        var origin = new Origin(shard.ToString(), _model, _videos, madeBy.Device ?? "", madeBy.Libraries ?? "", madeBy.Program ?? "");
        foreach (var (key, text) in origin.Texts)
            writer.AddMetadata(key, text);
        writer.AddMetadata(HashKey, Hash(origin, values));
        writer.Add(Tensor, new Shape(values.Length / Width, Width), values);
        AtomicFile.Write(PathOf(_output, shard), writer.WriteTo);
    }

    /// <summary>Joins all shards. The files stay, so that the same command gives the same result again.</summary>
    /// <param name="shards">What <see cref="FindAll"/> returned.</param>
    /// <param name="progress">Receives notes.</param>
    /// <returns>The table of one run, and the device that computed it.</returns>
    /// <exception cref="DataException">A shard is damaged, or is not one of this model and these videos.</exception>
    public (EmbeddingTable Table, string Device) Join(IReadOnlyList<Shard> shards, IProgressSink progress)
    {
        int[] records = _dataset.LastOfEveryId(progress);
        var table = Embedder.NewTable(_dataset);
        Origin? first = null;
        foreach (var shard in shards)
        {
            var (from, to) = shard.RowsOf(records.Length);
            var (values, origin) = Read(shard, to - from);
            first ??= origin;
            RequireSame(shard, "on", origin.Device, first.Device);
            RequireSame(shard, "with", origin.Libraries, first.Libraries);
            RequireSame(shard, "by", origin.Program, first.Program);
            Embedder.Add(table, _dataset, records.AsSpan(from..to), values, Width);
        }
        return (table.Build(), first!.Device);

        void RequireSame(Shard shard, string how, string own, string other)
        {
            if (own != other)
                throw new DataException($"{PathOf(_output, shard)}: was computed {how} {Printable.OneLine(own)}, but {PathOf(_output, shards[0])} {how} {Printable.OneLine(other)}: their bits may differ");
        }
    }

    // The values of all shards may be too many for one array.
    private (float[] Values, Origin Origin) Read(Shard shard, int videos)
    {
        string path = PathOf(_output, shard);
        using var reader = SafetensorsReader.Open(path);
        var origin = Origin.Of(reader.Metadata);
        if (reader.TryFind(Tensor) is not { Type: SafetensorsType.F32 } entry || !reader.Metadata.TryGetValue(HashKey, out string? hash))
            throw new DataException($"{path}: is not a shard of embeddings");
        if (origin.Shard != shard.ToString())
            throw new DataException($"{path}: is shard {Printable.OneLine(origin.Shard)} under another name");
        if (origin.Model != _model)
            throw new DataException($"{path}: is of another model than that of --checkpoint");
        if (origin.Videos != _videos)
            throw new DataException($"{path}: is of other videos than those of --records");
        bool isWhole = entry.ElementCount == (long)videos * Width;
        float[] values = new float[isWhole ? entry.ElementCount : 0];
        for (int i = 0; i < values.Length; i += ValuesAtATime)
            reader.ReadFloats(entry, i, values.AsSpan(i, Math.Min(ValuesAtATime, values.Length - i)));
        return isWhole && hash == Hash(origin, values) ? (values, origin)
            : throw new DataException($"{path}: has changed since it was written: its {HashKey} is not that of its content; embed it again with --shard {shard}");
    }

    private string DigestOfModel() => Digest(
    [
        _folder.Digest(),
        .. _dictionary.Select(static file => FileDigest.OfContent(file).Sha256),
    ]);

    private static string Digest(IEnumerable<string> texts) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', texts))));

    private static string Hash(Origin origin, ReadOnlySpan<float> values)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Join('\n', origin.Texts.Select(static one => one.Text))));
        for (int i = 0; i < values.Length; i += ValuesAtATime)
            hash.AppendData(MemoryMarshal.AsBytes(values.Slice(i, Math.Min(ValuesAtATime, values.Length - i))));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // What a shard has beside its values: its number, and what they depend on.
    private sealed record Origin(string Shard, string Model, string Videos, string Device, string Libraries, string Program)
    {
        private static readonly string[] Keys = ["shard", "model", "videos", "device", "libraries", "program"];

        internal IEnumerable<(string Key, string Text)> Texts => Keys.Zip([Shard, Model, Videos, Device, Libraries, Program]);

        internal static Origin Of(IReadOnlyDictionary<string, string> metadata)
        {
            string[] texts = [.. Keys.Select(key => metadata.GetValueOrDefault(key, ""))];
            return new Origin(texts[0], texts[1], texts[2], texts[3], texts[4], texts[5]);
        }
    }
}
