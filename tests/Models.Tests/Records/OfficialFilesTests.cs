using System.Security.Cryptography;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;
using Xunit;

namespace VideoSim.Models.Tests.Records;

public sealed class OfficialFilesTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Compare_FileOfEachKind_HasItsVerdict()
    {
        byte[] content = new byte[3_000_000];
        new Random(1).NextBytes(content);
        string sum = Convert.ToHexStringLower(CryptographicOperations.HashData(HashAlgorithmName.MD5, content));
        _folder.Write("a", content);
        _folder.Write("b", [.. content[..^1], (byte)(content[^1] ^ 1)]);
        _folder.Write("c", content);
        var found = OfficialFiles.Compare(_folder.Path, [("a", sum), ("b", sum), ("c", null), ("d", sum)], IProgressSink.None, TestContext.Current.CancellationToken);
        Assert.Equal([OfficialVerdict.AsPublished, OfficialVerdict.Differs, OfficialVerdict.NoPublishedSum, OfficialVerdict.Missing], found.Select(static file => file.Verdict));
        Assert.Equal([(3_000_000, sum), (3_000_000, found[1].Md5), (3_000_000, sum), (0, null)], found.Select(static file => (file.Bytes, file.Md5)));
    }

    [Fact]
    public void Compare_Cancelled_Stops()
    {
        _folder.Write("a", "x");
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => OfficialFiles.Compare(_folder.Path, [("a", null)], IProgressSink.None, cancelled.Token));
    }
}
