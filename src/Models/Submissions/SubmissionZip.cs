using System.IO.Compression;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>The zip around a submission's JSON.</summary>
internal static class SubmissionZip
{
    private const string EntryName = "result.json";

    // The earliest time of the zip format. With a fixed time, the same embeddings give the same bytes at any time.
    private static readonly DateTimeOffset FixedTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>
    /// Writes a zip. Its comment, which readers of submissions ignore, is the JSON of <see cref="EmbeddingOrigin"/>.
    /// </summary>
    public static void Write(Stream stream, EmbeddingTable table, EmbeddingRounding rounding, string path, int threads)
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        if (table.Origin is { } origin)
            zip.Comment = (origin with { Precision = rounding }).ToJson().ToJsonString();
        var entry = zip.CreateEntry(EntryName, CompressionLevel.Optimal);
        entry.LastWriteTime = FixedTime;
        using var content = entry.Open();
        SubmissionJsonWriter.Write(content, table, rounding, path, threads);
    }

    /// <summary>
    /// Reads the embeddings of a zip's <c>result.json</c>. Without that file, it reads the only <c>.json</c> file of
    /// the zip, as in the reference's zips of folds (<c>10fold_b_json/10fold_1_mix.json</c>). Other files are ignored.
    /// </summary>
    /// <param name="stream">The zip.</param>
    /// <param name="read">Reads the JSON.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="maxUnpackedBytes">The largest size of the JSON.</param>
    /// <returns>What computed the embeddings; null if the zip does not tell.</returns>
    /// <exception cref="DataException">The zip is damaged or too large, or its content is wrong.</exception>
    public static EmbeddingOrigin? Read(Stream stream, Action<Stream> read, string path, long maxUnpackedBytes) => CheckedZip.Open(stream, path, zip =>
    {
        var entries = zip.Entries;
        var found = entries.Where(static entry => entry.FullName == EntryName).ToArray();
        if (found.Length == 0)
            found = [.. entries.Where(static entry => entry.Name.EndsWith(".json", StringComparison.Ordinal) && !entry.Name.StartsWith('.'))];
        if (found.Length != 1)
            throw new DataException($"{path}: expected one {EntryName} or one other .json, found {(found.Length == 0 ? "none" : string.Join(", ", found.Take(3).Select(static entry => Printable.Quote(entry.FullName))))}");
        using var content = CheckedZip.Content(found[0], path, maxUnpackedBytes);
        read(content);
        return EmbeddingOrigin.Parse(zip.Comment);
    });

    /// <summary>What computed the embeddings in a zip; null if the zip does not tell.</summary>
    /// <inheritdoc cref="Read"/>
    public static EmbeddingOrigin? OriginOf(Stream stream, string path) => CheckedZip.Open(stream, path, static zip => EmbeddingOrigin.Parse(zip.Comment));
}
