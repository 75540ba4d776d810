using CsCheck;
using VideoSim.Engine;
using VideoSim.Models.Submissions;
using Xunit;

namespace VideoSim.Models.Tests.Submissions;

public sealed class PairScoringTests
{
    [Fact]
    public void Cosines_Pairs_FollowTheLines()
    {
        var table = Tables.Of(("a", [3, 4]), ("b", [4, 3]), ("c", [-30, -40]), ("zero", [0, 0]));
        var cosines = PairScoring.Cosines(table, [("a", "b"), ("b", "a"), ("a", "a"), ("a", "c"), ("a", "zero"), ("zero", "zero")]);

        Assert.Equal([0.96, 0.96, 1, -1, 0, 0], cosines);
    }

    [Fact]
    public void Cosines_UnknownId_NamesThePairAndTheId()
    {
        var table = Tables.Of("e.zip", ("a", [1.0]));
        var failure = Assert.Throws<DataException>(() => PairScoring.Cosines(table, [("a", "a"), ("a", "b")]));
        Assert.Equal("e.zip: pair 2 names the id 'b', which has no embedding", failure.Message);
    }

    [Fact]
    public void Cosine_AnyVectors_IgnoresLengthAndStaysWithinOne()
    {
        var vector = Gen.Double[-1, 1].Array[7];
        Gen.Select(vector, vector, Gen.Double[1e-3, 1e3]).Sample((left, right, scale) =>
        {
            var cosine = PairScoring.Cosine(left, right);
            Assert.InRange(cosine, -1 - 1e-15, 1 + 1e-15);
            Assert.Equal(cosine, PairScoring.Cosine(right, left));
            Assert.Equal(cosine, PairScoring.Cosine(Array.ConvertAll(left, value => value * scale), right), 1e-12);
        });
    }

    [Fact]
    public void Cosine_LargestAndSmallestFloats_IsExactEnough()
    {
        Assert.Equal(1, PairScoring.Cosine([float.MaxValue, float.MaxValue], [float.Epsilon, float.Epsilon]), 1e-12);
    }
}
