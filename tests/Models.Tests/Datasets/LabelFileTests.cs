using System.Globalization;
using System.Text;
using CsCheck;
using VideoSim.Engine;
using VideoSim.Models.Datasets;
using VideoSim.Models.Records;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Datasets;

public sealed class LabelFileTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    [Fact]
    public void Read_AgainstAnIndex_GivesRecordsAndSimilarities()
    {
        string records = _folder.Write("records", TestRecords.FileOf(4));
        var index = RecordIndex.Build([records], TestRecords.FrameWidth, cancellation: TestContext.Current.CancellationToken);
        string path = _folder.Write("label.tsv", "101\t103\t0.25\r\n100\t100\t1\n103\t102\t0.0");
        Assert.Equal([new(1, 3, 0.25f), new(0, 0, 1), new(3, 2, 0)], LabelFile.Read(path, index.TryFind));
    }

    [Theory]
    [InlineData("", "the label file is empty")]
    [InlineData("1\t2\t0.5\n1\t2\n", "line 2: has 2 fields separated by tabs; expected 3: id, id, similarity")]
    [InlineData("1\t2\t0.5\t6\t7\t8\n", "line 1: has 6 fields separated by tabs; expected 3: id, id, similarity")]
    [InlineData("1 2\n", "line 1: has 2 fields separated by spaces; expected 3: id, id, similarity")]
    [InlineData("1 2 0.5 6\n", "line 1: has 4 fields separated by spaces; expected 3: id, id, similarity")]
    [InlineData("1 2\t0.5\n", "line 1: has 2 fields separated by tabs; expected 3: id, id, similarity")]
    [InlineData("1\t2\t0.5\n\n1\t2\t0.5\n", "line 2: is empty; expected id, id, similarity")]
    [InlineData("1\t2\t0.5\n1\t777\t0.5\n", "line 2: there is no video '777'")]
    [InlineData("\t2\t0.5\n", "line 1: there is no video ''")]
    [InlineData("1\t2\t0,5\n", "line 1: the similarity '0,5' is not a number")]
    [InlineData("1\t2\t0.5\0\n", "line 1: the similarity '0.5.' is not a number")]
    [InlineData("1\t2\t1,000\n", "line 1: the similarity '1,000' is not a number")]
    [InlineData("1\t2\t\n", "line 1: has 2 fields separated by tabs; expected 3: id, id, similarity")]
    [InlineData("1\t2\t1.0000001\n", "line 1: the similarity 1.0000001 is not in [0, 1]")]
    [InlineData("1\t2\t-0.1\n", "line 1: the similarity -0.1 is not in [0, 1]")]
    [InlineData("1\t2\tNaN\n", "line 1: the similarity NaN is not in [0, 1]")]
    [InlineData("1\t2\tinfinity\n", "line 1: the similarity infinity is not in [0, 1]")]
    public void Read_BadLine_NamesFileAndLine(string text, string reason)
    {
        string path = _folder.Write("label.tsv", text);
        Assert.Equal($"{path}: {reason}", Assert.Throws<DataException>(() => LabelFile.Read(path, OneDigit)).Message);
    }

    [Theory]
    [InlineData("\uFEFF1\t2\t0.5\n3\t4\t1\n")]
    [InlineData("1\t2\t0.5 \r\n3\t4\t1\t\r\n\r\n \n\n")]
    [InlineData("1 2 0.5\n3   4  1")]
    public void Read_MarkBlanksAndLineEnds_DoNotMatter(string text) =>
        Assert.Equal([new(1, 2, 0.5f), new(3, 4, 1)], LabelFile.Read(_folder.Write("label.tsv", text), OneDigit));

    // Record 1 is damaged behind its id; record 2 in its payload, so that nothing of it can be trusted.
    [Theory]
    [InlineData(false, "100\t101\t0.5\n100\t103\t1\n", "1 of 2 pairs are left out, because records of their videos were skipped: lines 1", null)]
    [InlineData(false, "100\t103\t1\n100\t102\t0.5\n", null, "line 2: there is no video '102'")]
    [InlineData(false, "100\t101\t1\n", null, "every pair has a video whose record was skipped")]
    [InlineData(true, "100\t103\t1\n100\t102\t0.5\n999\t103\t0\n", "2 of 3 pairs are left out, because records of their videos were skipped: lines 2, 3", null)]
    [InlineData(true, "100\t103\t1\n", null, null)]
    public void Read_PairsOfSkippedRecords_AreMarkedAndCounted(bool hidden, string text, string? note, string? error)
    {
        var frames = TestRecords.Frames(1, 1);
        frames[0] = Half.NaN;
        byte[] file = TestRecords.File(Good("100"), TestRecords.Payload("101", [], frames), Good("102"), Good("103"));
        if (hidden)
            file[file.AsSpan().IndexOf("102"u8)] ^= 1;
        else
            file = TestRecords.File(Good("100"), TestRecords.Payload("101", [], frames), Good("103"));
        var index = RecordIndex.Build([_folder.Write("records", file)], TestRecords.FrameWidth, skipBadRecords: true, cancellation: TestContext.Current.CancellationToken);
        var notes = new Notes();
        string path = _folder.Write("label.tsv", text);
        if (error is not null)
        {
            Assert.Equal($"{path}: {error}", Assert.Throws<DataException>(() => LabelFile.Read(path, index, notes)).Message);
            return;
        }
        var pairs = LabelFile.Read(path, index, notes);
        Assert.Equal(note is null ? [] : [$"{path}: {note}"], notes.Lines);
        Assert.Equal(text.TrimEnd().Split('\n').Select(static line => line.StartsWith("100\t103", StringComparison.Ordinal)), pairs.Select(static pair => pair.IsComplete));

        static byte[] Good(string id) => TestRecords.Payload(id, [], TestRecords.Frames(1, 1));
    }

    [Fact]
    public void Read_ManyPairsOfSkippedRecords_NamesTheFirstLines()
    {
        var frames = TestRecords.Frames(1, 1);
        frames[0] = Half.NaN;
        var index = RecordIndex.Build([_folder.Write("records", TestRecords.File(TestRecords.Payload(0, 1), TestRecords.Payload("101", [], frames), TestRecords.Payload(0, 1)))],
            TestRecords.FrameWidth, skipBadRecords: true, cancellation: TestContext.Current.CancellationToken);
        var notes = new Notes();
        string path = _folder.Write("label.tsv", "100\t100\t1\n" + string.Concat(Enumerable.Repeat("100\t101\t0.5\n", 21)));
        LabelFile.Read(path, index, notes);
        Assert.Equal(
        [
            $"{path}: 21 of 22 pairs are left out, because records of their videos were skipped: lines {string.Join(", ", Enumerable.Range(2, 20))}, ...",
            $"{Path.Combine(_folder.Path, "records")}: record 0 has the same id as a later record; the last record of an id is used (1 are left out)",
        ], notes.Lines);
    }

    [Fact]
    public void Read_RandomBytes_ThrowsNothingButDataException() =>
        Gen.Frequency((3, Gen.Byte), (2, Gen.Int[0, 3].Select(i => "\t\n1."u8[i]))).Array[0, 60].Sample(bytes =>
        {
            string path = _folder.Write("label.tsv", bytes);
            try
            {
                Assert.All(LabelFile.Read(path, OneDigit), pair => Assert.InRange(pair.TargetSimilarity, 0, 1));
            }
            catch (DataException)
            {
                // The one way to refuse.
            }
        }, iter: 500, threads: 1);

    public void Dispose() => _folder.Dispose();

    private static bool OneDigit(ReadOnlySpan<byte> id, out int video) =>
        int.TryParse(Encoding.UTF8.GetString(id), NumberStyles.None, CultureInfo.InvariantCulture, out video) && video < 10;
}
