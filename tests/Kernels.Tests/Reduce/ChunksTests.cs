using VideoSim.Kernels.BatchNorm;
using VideoSim.Kernels.LayerNorm;
using VideoSim.Kernels.Reduce;
using VideoSim.Kernels.Vlad;
using Xunit;

namespace VideoSim.Kernels.Tests.Reduce;

/// <summary>An extra chunk would be empty: its partial results take memory and time and do not change a sum.</summary>
public sealed class ChunksTests
{
    public static TheoryData<string, Func<int, int>, int> Families => new()
    {
        { "column sum", ColumnSumKernels.Chunks, ColumnSumKernels.ChunkRows },
        { "layer norm", LayerNormKernels.Chunks, LayerNormKernels.ChunkRows },
        { "batch norm", BatchNormKernels.Chunks, BatchNormKernels.ChunkRows },
    };

    [Theory]
    [MemberData(nameof(Families))]
    public void Chunks_AnyNumber_AreTheFewestThatHoldIt(string family, Func<int, int> chunks, int size) =>
        Assert.All(new[] { 1, size - 1, size, size + 1, 2 * size, 7 * size - 1, 7 * size },
            count => Assert.True(chunks(count) * size >= count && (chunks(count) - 1) * size < count, $"{family}: {chunks(count)} chunks of {size} for {count}"));

    // An H100 has 132 multiprocessors; a second round for a few blocks would take as long as the first.
    [Theory]
    [InlineData(1, 7, 7)]
    [InlineData(1, 132, 132)]
    [InlineData(2, 66, 66)]
    [InlineData(1, 133, 67)]
    [InlineData(2, 256, 64)]
    [InlineData(4, 330, 33)]
    public void VladChunks_OfTheWholeStack_FillTheMultiprocessorsOnce(int stack, int videos, int chunks) => Assert.Equal(chunks, VladTensorCoreKernels.Chunks(stack, videos));
}
