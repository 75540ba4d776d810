using VideoSim.Engine;
using VideoSim.Models.Datasets;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Datasets;

public sealed class TagListTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    [Theory]
    [InlineData("30\n4\n-5\n100\n")]
    [InlineData("30\r\n4\r\n-5\r\n100")]
    [InlineData("\uFEFF30 \n4\t\n-5 \r\n100\n\n \n")]
    public void Read_UnorderedIds_ClassIsTheRankOfTheId(string text)
    {
        var tags = TagList.Read(_folder.Write("tags", text));
        Assert.Equal(4, tags.ClassCount);
        Assert.Equal([-5, 4, 30, 100], tags.Ids);
        Assert.True(tags.TryGetClass(30, out int tagClass));
        Assert.Equal(2, tagClass);
        Assert.False(tags.TryGetClass(5, out _));
    }

    [Theory]
    [InlineData("1\n\n2\n", "line 2 is empty; expected a tag id")]
    [InlineData("1\n \t\r\n2\n", "line 2 is empty; expected a tag id")]
    [InlineData("\n1\n", "line 1 is empty; expected a tag id")]
    [InlineData("1\n2\n1\n", "line 3: tag 1 is already on line 1")]
    [InlineData("1\nx\u0007y\n", "line 2: 'x.y' is not a tag id")]
    [InlineData(" 1\n", "line 1: ' 1' is not a tag id")]
    [InlineData("1\u00A0\n", "line 1: '1\u00A0' is not a tag id")]
    [InlineData("1,000\n", "line 1: '1,000' is not a tag id")]
    [InlineData("1.5\n", "line 1: '1.5' is not a tag id")]
    [InlineData("1\0\n", "line 1: '1.' is not a tag id")]
    [InlineData("9223372036854775808", "line 1: '9223372036854775808' is not a tag id")]
    public void Read_BadList_NamesFileAndLine(string text, string reason)
    {
        string path = _folder.Write("tags", text);
        string message = Assert.Throws<DataException>(() => TagList.Read(path)).Message;
        Assert.StartsWith(path + ": ", message, StringComparison.Ordinal);
        Assert.EndsWith(reason, message, StringComparison.Ordinal);
    }

    [InlineData("7\n5\n7\n5\n7\n", "line 3: tag 7 is already on line 1")]
    [InlineData("5\n7\n6\n7\n5\n", "line 4: tag 7 is already on line 2")]
    [Theory]
    public void Read_RepeatedTags_NamesTheFirst(string text, string reason) =>
        Assert.EndsWith(reason, Assert.Throws<DataException>(() => TagList.Read(_folder.Write("tags", text))).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_MoreTagsThanAModelCanHave_IsRefused()
    {
        string most = string.Join('\n', Enumerable.Range(0, TagList.MostTags));
        Assert.Equal(TagList.MostTags, TagList.Read(_folder.Write("tags", most)).ClassCount);
        Assert.EndsWith("tags: has more than 100000 lines; a model has an output for each tag", Assert.Throws<DataException>(() => TagList.Read(_folder.Write("tags", most + "\n-1"))).Message, StringComparison.Ordinal);
        Assert.EndsWith("tags: has more than 4 MB, the limit of a tag list", Assert.Throws<DataException>(() => TagList.Read(_folder.Write("tags", new byte[(1 << 22) + 1]))).Message, StringComparison.Ordinal);
    }

    // All these numbers have the same hash value in .NET, so a table of them takes an hour.
    [Fact]
    public void Read_NumbersOfOneHashValue_TakesNoLongerThanOthers()
    {
        long[] ids = [.. Enumerable.Range(1, 60_000).Select(static i => (long)i << 32 | (uint)i)];
        Assert.Single(ids.Select(static id => id.GetHashCode()).Distinct());
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal(ids.Length, TagList.Read(_folder.Write("tags", string.Join('\n', ids))).ClassCount);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 2);
    }

    [Fact]
    public void Read_NoSuchFile_IsADataException() =>
        Assert.EndsWith(": cannot be read: there is no such file or folder",
            Assert.Throws<DataException>(() => TagList.Read(Path.Combine(_folder.Path, "none"))).Message, StringComparison.Ordinal);

    [Fact]
    public void WriteLabels_KnownAndUnknownTags_SetsTheKnownOnesBits()
    {
        var tags = TagList.Read(_folder.Write("tags", string.Join('\n', Enumerable.Range(0, 70).Select(i => i * 10))));
        Assert.Equal(3, tags.LabelWords);
        uint[] labels = new uint[] { uint.MaxValue, uint.MaxValue, uint.MaxValue, 77 };
        tags.WriteLabels([690, 0, 310, 320, 5, 310], labels);
        Assert.Equal([0x8000_0001u, 1u, 1u << 5, 77u], labels); // classes 0, 31; 32; 69; what lies behind stays
    }

    public void Dispose() => _folder.Dispose();
}
