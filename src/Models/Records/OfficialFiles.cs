using System.Security.Cryptography;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Records;

/// <summary>Result of comparing a file with its published sum.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<OfficialVerdict>))]
public enum OfficialVerdict
{
    /// <summary>The sums are equal.</summary>
    [JsonStringEnumMemberName("as published")]
    AsPublished,

    /// <summary>The sums differ.</summary>
    [JsonStringEnumMemberName("differs")]
    Differs,

    /// <summary>The file is not in the folder.</summary>
    [JsonStringEnumMemberName("missing")]
    Missing,

    /// <summary>The file is in the folder, but its sum was not published.</summary>
    [JsonStringEnumMemberName("no published sum")]
    NoPublishedSum,
}

/// <summary>One file of the challenge's data.</summary>
/// <param name="File">Path of the file within the folder.</param>
/// <param name="Bytes">Its size; 0 if it is missing.</param>
/// <param name="Md5">Its MD5 sum in lower-case hexadecimal; null if it is missing.</param>
/// <param name="Verdict">Result of the comparison.</param>
public sealed record OfficialFile(string File, long Bytes, string? Md5, OfficialVerdict Verdict);

/// <summary>
/// The files of the challenge, with the MD5 sums of the organisers' baseline. The sum of the tag list is that of a
/// public copy. The sum of the second test set was never published.
/// </summary>
public static class OfficialFiles
{
    private const int Megabyte = 1_000_000;

    private static readonly (string File, string? Md5)[] Published =
    [
        ("pairwise/label.tsv", "579cf79909a3585bda505d58412d1d79"),
        ("pairwise/pairwise.tfrecords", "f5039674534cc4dcf77f1a2e69aa0891"),
        ("test_a/test_a.tfrecords", "2deefbb4419c903f61e28fce46602d8a"),
        ("test_b/test_b.tfrecords", null),
        ("tag_list.txt", "9cd31be571087a02362098711229bba7"),
        .. new[]
        {
            "958e6906a110423f10757c5292d14e1a", "23c279c1b025daae07c1da8c657975eb", "a851e88bacd9b88ea3d8aabfac3d0ad0", "e1de45d9a493acb8e6664aa9735bdcba",
            "f4a23420bcea7c018c504bc9f9c46f32", "86c7b5f69880531e67c9d378641e68e2", "a79775f9662da5899177103848a13d78", "931427ba0cf43af4cc5cd64b9ad2ec42",
            "28adfa832f4dc47a4e6ceda8894a806f", "7a0d3652f78de5058a3ca5a1a11c4184", "c142bd060f25e6d07776a5ff94d24b67", "95881d71db5461bb49f7966a4352d340",
            "813246ca69f5d1cbcb3e67ea07874960", "14f81c2923ef6dfcb3e4f21cc4da2782", "535becadb97e1e3e9fd1789333df8668", "b96b74689b4a68fe9c34ceba5640a4aa",
            "9e19cf5fb3999d545a10a22311f6ba4c", "6507d51e474f71fdb45cc3815df5eb92", "bae1a635aebc6f32078018cebc43979c", "8f5b11598c0c567e252dd1aabd257c80",
        }.Select(static (md5, shard) => ($"pointwise/pretrain_{shard}.tfrecords", (string?)md5)),
    ];

    /// <summary>Reads all files of a folder in the challenge's layout and compares their sums.</summary>
    /// <param name="root">The folder.</param>
    /// <param name="progress">Receives the progress in megabytes.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="DataException">A file cannot be read.</exception>
    public static IReadOnlyList<OfficialFile> Compare(string root, IProgressSink progress, CancellationToken cancellation) => Compare(root, Published, progress, cancellation);

    internal static IReadOnlyList<OfficialFile> Compare(string root, IReadOnlyList<(string File, string? Md5)> published, IProgressSink progress, CancellationToken cancellation)
    {
        long total = published.Sum(one => new FileInfo(Path.Combine(root, one.File)) is { Exists: true } file ? file.Length : 0), done = 0;
        progress.Begin("comparing sums, MB", Math.Max(1, total / Megabyte));
        var found = new List<OfficialFile>();
        foreach (var (file, md5) in published)
        {
            string path = Path.Combine(root, file);
            if (!File.Exists(path))
            {
                found.Add(new OfficialFile(file, 0, null, OfficialVerdict.Missing));
                continue;
            }
            // The published sums are MD5. They detect damage, not manipulation.
            var (bytes, sum) = FileDigest.Hash(path, HashAlgorithmName.MD5, read =>
            {
                cancellation.ThrowIfCancellationRequested();
                done += read;
                progress.Report(done / Megabyte, file);
            });
            found.Add(new OfficialFile(file, bytes, sum, md5 is null ? OfficialVerdict.NoPublishedSum : sum == md5 ? OfficialVerdict.AsPublished : OfficialVerdict.Differs));
        }
        progress.End("");
        return found;
    }
}
