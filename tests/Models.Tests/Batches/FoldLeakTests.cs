using VideoSim.Models.Batches;
using VideoSim.Models.Datasets;
using Xunit;

namespace VideoSim.Models.Tests.Batches;

public sealed class FoldLeakTests
{
    // Pairs 0 to 3 are validated; 4 to 6 are trained on.
    private static readonly VideoPair[] Pairs =
        [new(1, 2, 0), new(3, 4, 0), new(5, 6, 0), new(7, 8, 0), new(1, 9, 0), new(3, 4, 1), new(10, 11, 0)];

    private static readonly Fold Split = new(1, [6, 4, 5], [0, 1, 2, 3]);

    [Fact]
    public void Of_SharedVideos_CountsThemAndTheirPairs() => Assert.Equal(new FoldLeak(Videos: 3, PairsWithOne: 1, PairsWithBoth: 1), FoldLeak.Of(Split, Pairs));

    [Fact]
    public void Without_SharedVideos_LeavesOutTheirTrainingPairsAlone()
    {
        var honest = FoldLeak.Without(Split, Pairs);
        Assert.Equal([6], honest.Train);
        Assert.Equal(Split.Validation, honest.Validation);
        Assert.Equal(default, FoldLeak.Of(honest, Pairs));
    }
}
