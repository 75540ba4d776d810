using System.IO.Compression;
using System.Text;
using VideoSim.Fuzz.Mutation;

namespace VideoSim.Fuzz.Formats;

/// <summary>
/// Zips of embeddings: damaged, or with changed content behind right checksums. What is taken is compared with
/// System.IO.Compression and JsonDocument.
/// </summary>
internal sealed class SubmissionZipFormat() : Format("submission-zip", "result.zip", "SubmissionZip: --embeddings, ensemble, search")
{
    private const int MostUnpacked = 1 << 24;

    // A zip may unpack to a thousand times its size.
    public override long FreeBytes => 1 << 28;

    public override IEnumerable<byte[]> Seeds() =>
    [
        ZipBytes.Of([("result.json", """{"1":[0.5,-1],"2":[1,2]}"""u8.ToArray())]), ZipBytes.Of([("a/10fold.json", """{"x":[1]}"""u8.ToArray()), ("note.txt", "a"u8.ToArray())], CompressionLevel.NoCompression),
        ZipBytes.Of([("other.json", "{}"u8.ToArray()), ("result.json", """{"a":[1,2,3]}"""u8.ToArray())]),
        ZipBytes.Of([("result.json", """{"1":[0.5]}"""u8.ToArray())], comment: $$"""{"model":"mix","fold":3,"checkpoint":"{{new string('a', 64)}}","precision":"float16"}"""),
    ];

    public override byte[] Mutate(Mutator mutator, byte[] input) => ZipBytes.Mutate(mutator, input, static (mutator, content) => mutator.Json(content), CompressionLevel.Optimal);

    public override void Read(string path, byte[] input)
    {
        var table = SubmissionOracle.Read(path);
        using var zip = new ZipArchive(new MemoryStream(input), ZipArchiveMode.Read);
        var entries = zip.Entries.Where(static entry => entry.FullName == "result.json").ToList();
        if (entries.Count == 0)
            entries = [.. zip.Entries.Where(static entry => entry.Name.EndsWith(".json", StringComparison.Ordinal) && entry.Name[0] != '.')];
        Expect.Equal(1, entries.Count, "number of files with embeddings");
        using var content = new MemoryStream();
        using (var unpacked = entries[0].Open())
            unpacked.CopyTo(content);
        if (content.Length > MostUnpacked)
            return;
        Expect.Equal(entries[0].Crc32, System.IO.Hashing.Crc32.HashToUInt32(content.ToArray()), "checksum");
        SubmissionOracle.SameAsJson(content.ToArray(), table);
        if (table.Origin is not { } origin)
            return;
        var comment = JsonOracle.Strict(Encoding.UTF8.GetBytes(zip.Comment));
        Expect.Equal((comment.GetProperty("model").GetString(), comment.GetProperty("checkpoint").GetString()), (origin.Model, origin.Checkpoint), "origin");
    }
}
