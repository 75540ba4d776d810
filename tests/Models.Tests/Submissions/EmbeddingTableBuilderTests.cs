using VideoSim.Engine;
using VideoSim.Models.Submissions;
using Xunit;

namespace VideoSim.Models.Tests.Submissions;

public sealed class EmbeddingTableBuilderTests
{
    [Fact]
    public void Build_TwoEmbeddings_FindsThemById()
    {
        var builder = new EmbeddingTableBuilder("test");
        builder.Add("b", [1.5f, 2f]);
        builder.Add("a", [0.1, -3]);
        var table = builder.Build();

        Assert.Equal(["b", "a"], table.Ids);
        Assert.Equal(2, table.Width);
        Assert.True(table.TryFind("a", out int row));
        Assert.Equal([0.1, -3], table[row].ToArray());
        Assert.Equal([1.5, 2], table[0].ToArray());
        Assert.False(table.TryFind("c", out _));
    }

    public static TheoryData<string, double[], string> Bad => new()
    {
        { "b", [], "id 'b' has 0 values, but 1 to 256 are allowed" },
        { "b", new double[257], "id 'b' has 257 values, but 1 to 256 are allowed" },
        { "b", [1], "id 'b' has 1 values, but the ids before it have 2" },
        { "b", [1, double.NaN], "id 'b' has the value NaN, which is not a finite float32" },
        { "b", [double.NegativeInfinity, 1], "id 'b' has the value -Infinity, which is not a finite float32" },
        { "b", [1e39, 1], "id 'b' has the value 1E+39, which is not a finite float32" },
        { "a", [1, 2], "id 'a' occurs twice" },
        { "", [1, 2], "id '' is empty" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Add_WrongEmbedding_NamesSourceAndId(string id, double[] embedding, string complaint)
    {
        var builder = new EmbeddingTableBuilder("file.zip");
        builder.Add("a", [0.0, 0.0]);
        var failure = Assert.Throws<DataException>(() => builder.Add(id, embedding));
        Assert.Equal($"file.zip: {complaint}", failure.Message);
    }

    [Fact]
    public void Build_Nothing_IsRefused()
    {
        var failure = Assert.Throws<DataException>(() => new EmbeddingTableBuilder("file.zip").Build());
        Assert.Equal("file.zip: has no embeddings", failure.Message);
    }
}
