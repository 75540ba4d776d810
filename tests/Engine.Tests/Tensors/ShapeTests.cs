using VideoSim.Engine.Tensors;
using Xunit;

namespace VideoSim.Engine.Tests.Tensors;

public sealed class ShapeTests
{
    [Fact]
    public void Sizes_OfThreeDimensions_CountRowsAndWidth()
    {
        var shape = new Shape(2, 3, 5);
        Assert.Equal((3, 30L, 6, 5, 3), (shape.Rank, shape.Count, shape.Rows, shape.Width, shape[1]));
        Assert.Equal("[2, 3, 5]", shape.ToString());
        Assert.Equal([2, 3, 5], shape.ToArray());
    }

    [Fact]
    public void Dimension_PastTheRank_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => new Shape(2, 3)[2]);

    [Fact]
    public void Count_OfManyElements_DoesNotWrap() => Assert.Equal(1L << 40, new Shape(1 << 20, 1 << 20).Count);

    [Fact]
    public void Shapes_OfEqualCountButOtherRank_Differ()
    {
        Assert.NotEqual(new Shape(6), new Shape(6, 1));
        Assert.Equal(new Shape(2, 3), new Shape(2, 3));
    }
}
