using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;
using Xunit;

namespace VideoSim.Models.Tests.Records;

public sealed class ReadingProgressTests : IDisposable
{
    private const int LargeRecords = 60;

    private readonly ScratchFolder _folder = new();
    private readonly Collector _seen = new();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Build_FilesOfManyMegabytes_ReportsOnTheWayAndEndsAtTheTotal(int threads)
    {
        string[] paths = [Large("a"), Large("b"), _folder.Write("small", TestRecords.FileOf(5))];
        long total = Megabytes(paths);
        RecordIndex.Build(paths, TestRecords.FrameWidth, threads: threads, progress: _seen, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal([$"reading records, MB: {total}"], _seen.Begun);
        Assert.True(_seen.Done.Count >= 3, $"{_seen.Done.Count} reports of {total} MB");
        Assert.Equal(_seen.Done.Order(), _seen.Done);
        Assert.InRange(_seen.Done[0], 16, total - 1);
        Assert.Equal(total, _seen.Done[^1]);
        Assert.Equal($"{2 * LargeRecords + 5} records", _seen.Ended);
    }

    [Fact]
    public void Build_SmallFile_IsOneMegabyteAndNotAnUnknownAmount()
    {
        RecordIndex.Build([_folder.Write("small", TestRecords.FileOf(5))], TestRecords.FrameWidth, progress: _seen, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(["reading records, MB: 1"], _seen.Begun);
        Assert.Equal((1L, "5 records"), (_seen.Done[^1], _seen.Ended));
    }

    [Fact]
    public void Build_BadRecord_IsNotReportedAsDone()
    {
        byte[] bytes = TestRecords.FileOf(5);
        bytes[^20] ^= 1;
        string path = _folder.Write("bad", bytes);
        Assert.Throws<DataException>(() => RecordIndex.Build([path], TestRecords.FrameWidth, progress: _seen, cancellation: TestContext.Current.CancellationToken));
        Assert.Null(_seen.Ended);
    }

    // What lies behind a broken length is never read, but the pass is over all the same.
    [Fact]
    public void Of_FileThatBreaksOff_CountsAllOfIt()
    {
        string path = Large("cut");
        byte[] bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 1; // a payload
        int third = bytes.Length / LargeRecords * 3;
        bytes[third] ^= 1; // a length
        _folder.Write("cut", bytes);
        RecordInspection.Of([path], TestRecords.FrameWidth, _seen, TestContext.Current.CancellationToken);
        Assert.Equal(Megabytes(path), _seen.Done[^1]);
        Assert.Equal("4 records", _seen.Ended);
    }

    public void Dispose() => _folder.Dispose();

    // About 24 MB, most of it a title: records of equal size.
    private string Large(string name)
    {
        byte[] title = Encoding.UTF8.GetBytes(new string('x', 400_000));
        return _folder.Write(name, TestRecords.File(Enumerable.Range(0, LargeRecords).Select(i => TestRecords.Payload(TestRecords.Id(i + 100), title, TestRecords.Frames(i, 2)))));
    }

    private static long Megabytes(params string[] paths) => (paths.Sum(static path => new FileInfo(path).Length) + 999_999) / 1_000_000;

    private sealed class Collector : IProgressSink
    {
        public List<string> Begun { get; } = [];

        public List<long> Done { get; } = [];

        public string? Ended { get; private set; }

        public void Begin(string label, long total, long done) => Begun.Add($"{label}: {total}");

        public void Report(long done, string text) => Done.Add(done);

        public void End(string text) => Ended = text;

        public void Note(string text) => Assert.Fail(text);
    }
}
