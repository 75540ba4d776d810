using VideoSim.Engine;
using VideoSim.Models.Datasets;
using Xunit;

namespace VideoSim.Models.Tests.Datasets;

/// <summary>The parts that a work is divided into.</summary>
public sealed class ShardTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 3)]
    [InlineData(10, 1)]
    [InlineData(10, 3)]
    [InlineData(12, 4)]
    [InlineData(int.MaxValue, 10_000)]
    public void RowsOf_AllShards_DivideTheRowsEvenly(int rows, int count)
    {
        int next = 0;
        for (int number = 1; number <= count; number++)
        {
            var (from, to) = new Shard(number, count).RowsOf(rows);
            Assert.Equal(next, from);
            Assert.InRange(to - from, rows / count, rows / count + (rows % count > 0 ? 1 : 0));
            next = to;
        }
        Assert.Equal(rows, next);
    }

    [Theory]
    [InlineData("1/1", 1, 1)]
    [InlineData("2/4", 2, 4)]
    [InlineData("10000/10000", 10_000, 10_000)]
    public void Parse_Shard_IsReadAndPrinted(string text, int number, int count)
    {
        Assert.Equal(new Shard(number, count), Shard.Parse(text));
        Assert.Equal(text, Shard.Parse(text).ToString());
    }

    [Theory]
    [InlineData("", "must be K/N, such as 2/4 for the second of four parts, not ''")]
    [InlineData("2", "must be K/N, such as 2/4 for the second of four parts, not '2'")]
    [InlineData("a/b", "not 'a/b'")]
    [InlineData("-1/4", "not '-1/4'")]
    [InlineData("1/2/3", "not '1/2/3'")]
    [InlineData("1.5/4", "not '1.5/4'")]
    [InlineData("1/99999999999999999999", "not '1/99999999999999999999'")]
    [InlineData("0/4", "must be from 1/4 to 4/4, not 0/4")]
    [InlineData("5/4", "must be from 1/4 to 4/4, not 5/4")]
    [InlineData("4294967297/4", "must be from 1/4 to 4/4, not 4294967297/4")]
    [InlineData("1/0", "must have 1 to 10000 parts, not 0")]
    [InlineData("1/10001", "must have 1 to 10000 parts, not 10001")]
    public void Parse_NoShard_IsRefused(string text, string complaint) =>
        Assert.EndsWith(complaint, Assert.Throws<DataException>(() => Shard.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Find_OtherNames_AreLeftOut()
    {
        string[] names = ["e.zip.shard-10-of-10", "e.zip.shard-2-of-10", "e.zip.shard-1-of-3", "e.zip.shard-02-of-10", "e.zip.shard-11-of-10", "e.zip.shard-1-of-10001", "e.zip.shard-0-of-3",
            "e.zip.2-of-3", "e.zip.shard-2-of-", "e.zip.shard-2-of-3.tmp", "e.zip", "f.zip.shard-3-of-3", ".tmp-e.zip.shard-3-of-3-0123456789abcdef"];
        string folder = Path.GetTempPath();
        Assert.Equal([new(1, 3), new(2, 10), new(10, 10)], Shard.Find(Path.Combine(folder, "e.zip"), given => [.. names.Select(name => Path.Combine(given, name))]));
        Assert.Empty(Shard.Find(Path.Combine(folder, "no-such-folder", "e.zip"), static _ => throw new InvalidOperationException()));
    }

    [Fact]
    public void RequireAll_ManyMissing_NamesTheFirst()
    {
        string message = Assert.Throws<DataException>(() => Shard.RequireAll("e.zip", "e.zip", [new(2, 20)])).Message;
        Assert.Equal("e.zip: shards 1/20, 3/20, 4/20, 5/20, 6/20, 7/20, 8/20, 9/20, 10/20, 11/20 and 9 more are missing", message);
    }
}
