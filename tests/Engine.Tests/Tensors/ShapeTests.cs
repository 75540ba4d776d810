using VideoSim.Engine.Tensors;
using Xunit;

namespace VideoSim.Engine.Tests.Tensors;

public sealed class ShapeTests
{
    [Theory]
    [InlineData(-1, 1, 1, 1)]
    [InlineData(2, 3, -4, 5)]
    [InlineData(-2, -3, 1, 1)] // a positive product
    [InlineData(int.MinValue, int.MinValue, 1, 1)]
    public void Constructor_NegativeSize_NamesTheSizes(int d0, int d1, int d2, int d3) =>
        Assert.Equal($"a tensor cannot have the sizes [{d0}, {d1}, {d2}, {d3}]", Assert.Throws<DataException>(() => new Shape(d0, d1, d2, d3)).Message);

    [Theory]
    [InlineData(65536, 32768, 1, 1, "2,147,483,648")]
    [InlineData(65536, 65536, 65536, 65536, "18,446,744,073,709,551,616")] // 0 in 64 bits
    [InlineData(int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, "21,267,647,892,944,572,736,998,860,269,687,930,881")]
    public void Constructor_TooManyElements_SaysHowMany(int d0, int d1, int d2, int d3, string count) =>
        Assert.Equal($"a tensor [{d0}, {d1}, {d2}, {d3}] would have {count} elements; at most 2,147,483,647 are possible",
            Assert.Throws<DataException>(() => new Shape(d0, d1, d2, d3)).Message);

    [Fact]
    public void Constructor_AsManyElementsAsPossible_IsAShape()
    {
        Assert.Equal(int.MaxValue, new Shape(int.MaxValue).Count);
        Assert.Equal(0, new Shape(0, int.MaxValue, int.MaxValue).Count);
    }
}
