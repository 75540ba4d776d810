using System.Globalization;
using System.Text;
using CsCheck;
using VideoSim.Engine;
using VideoSim.Models.Records;
using Xunit;

namespace VideoSim.Models.Tests.Records;

public sealed class LabelFileTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    [Fact]
    public void Read_AgainstAnIndex_GivesRecordsAndSimilarities()
    {
        var records = _folder.Write("records", TestRecords.FileOf(4));
        var index = RecordIndex.Build([records], TestRecords.FrameWidth, cancellation: TestContext.Current.CancellationToken);
        var path = _folder.Write("label.tsv", "101\t103\t0.25\r\n100\t100\t1\n103\t102\t0.0");
        Assert.Equal([new(1, 3, 0.25f), new(0, 0, 1), new(3, 2, 0)], LabelFile.Read(path, index.TryFind));
    }

    [Theory]
    [InlineData("", "the label file is empty")]
    [InlineData("1\t2\t0.5\n1\t2\n", "line 2: tabs split it into 2 fields, expected 3: id, id, similarity")]
    [InlineData("1\t2\t0.5\t\n", "line 1: tabs split it into 4 fields, expected 3: id, id, similarity")]
    [InlineData("1\t2\t0.5\t6\t7\t8\n", "line 1: tabs split it into 6 fields, expected 3: id, id, similarity")]
    [InlineData("1 2 0.5\n", "line 1: tabs split it into 1 fields, expected 3: id, id, similarity")]
    [InlineData("1\t2\t0.5\n\n1\t2\t0.5\n", "line 2: tabs split it into 1 fields, expected 3: id, id, similarity")]
    [InlineData("1\t2\t0.5\n1\t777\t0.5\n", "line 2: there is no video '777'")]
    [InlineData("\t2\t0.5\n", "line 1: there is no video ''")]
    [InlineData("1\t2\t0,5\n", "line 1: the similarity '0,5' is not a number")]
    [InlineData("1\t2\t\n", "line 1: the similarity '' is not a number")]
    [InlineData("1\t2\t1.0000001\n", "line 1: the similarity 1.0000001 is not in [0, 1]")]
    [InlineData("1\t2\t-0.1\n", "line 1: the similarity -0.1 is not in [0, 1]")]
    [InlineData("1\t2\tNaN\n", "line 1: the similarity NaN is not in [0, 1]")]
    [InlineData("1\t2\tinfinity\n", "line 1: the similarity infinity is not in [0, 1]")]
    public void Read_BadLine_NamesFileAndLine(string text, string reason)
    {
        var path = _folder.Write("label.tsv", text);
        Assert.Equal($"{path}: {reason}", Assert.Throws<DataException>(() => LabelFile.Read(path, OneDigit)).Message);
    }

    [Fact]
    public void Read_RandomBytes_ThrowsNothingButDataException() =>
        Gen.Frequency((3, Gen.Byte), (2, Gen.Int[0, 3].Select(i => "\t\n1."u8[i]))).Array[0, 60].Sample(bytes =>
        {
            var path = _folder.Write("label.tsv", bytes);
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
