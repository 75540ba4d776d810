using VideoSim.PtxMachine.Opcodes;
using Xunit;

namespace VideoSim.PtxMachine.Tests;

/// <summary>
/// The layouts of the PTX manual against the strides that NVIDIA's CuTe has for the same instruction, which another
/// author wrote in another notation (cute/atom/mma_traits_sm80.hpp, SM80_16x8x16_F32BF16BF16F32_TN).
/// </summary>
public sealed class LayoutsTests
{
    // A lane is split into (lane % 4, lane / 4), and an element's number into bits, the lowest first. Each part has a
    // stride. The sum is the place in the matrix, column after column.
    [Theory]
    [InlineData("A", 16, new[] { 32, 1 }, new[] { 16, 8, 128 })]
    [InlineData("B", 8, new[] { 16, 1 }, new[] { 8, 64 })]
    [InlineData("C", 16, new[] { 32, 1 }, new[] { 16, 8 })]
    public void Layout_OfMma_IsThatOfCuTe(string name, int rows, int[] laneStrides, int[] elementStrides)
    {
        var layout = name == "A" ? Layouts.A : name == "B" ? Layouts.B : Layouts.C;
        Assert.Equal(1 << elementStrides.Length, layout.Elements);
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < layout.Elements; i++)
            {
                int place = (lane % 4 * laneStrides[0]) + (lane / 4 * laneStrides[1]);
                for (int bit = 0; bit < elementStrides.Length; bit++)
                    place += (i >> bit & 1) * elementStrides[bit];
                // CuTe has B as [N, K].
                var (major, minor) = (place % rows, place / rows);
                Assert.Equal(name == "B" ? (minor * layout.Columns) + major : (major * layout.Columns) + minor, layout.IndexOf(lane, i));
            }
        }
    }

    // Every element of a matrix is in exactly one place.
    [Fact]
    public void Layout_OfAll_HasEveryElementOnce()
    {
        foreach (var (layout, elements) in new[] { (Layouts.A, 256), (Layouts.B, 128), (Layouts.C, 128), (Layouts.Loaded, 64), (Layouts.LoadedTransposed, 64) })
            Assert.Equal(Enumerable.Range(0, elements), Enumerable.Range(0, 32 * layout.Elements).Select(i => layout.IndexOf(i / layout.Elements, i % layout.Elements)).Order());
    }
}
