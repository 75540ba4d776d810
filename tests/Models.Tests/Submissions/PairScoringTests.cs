using CsCheck;
using VideoSim.Models.Datasets;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Submissions;

public sealed class PairScoringTests
{
    [Fact]
    public void Cosines_LinesOfALabelFile_FollowTheLines()
    {
        var table = Tables.Of(("a", [3, 4]), ("b", [4, 3]), ("你", [-30, -40]), ("zero", [0, 0]));
        using var folder = new ScratchFolder();
        string path = folder.Write("label.tsv", "a\tb\t0\nb\ta\t0\na\ta\t0\na\t你\t0\na\tzero\t0\nzero\tzero\t0\n");
        var pairs = LabelFile.Read(path, table.TryFind);

        Assert.Equal([0.96, 0.96, 1, -1, 0, 0], PairScoring.Cosines(table, pairs));
    }

    [Fact]
    public void Cosine_AnyVectors_IgnoresLengthAndStaysWithinOne()
    {
        var vector = Gen.Double[-1, 1].Array[7];
        Gen.Select(vector, vector, Gen.Double[1e-3, 1e3]).Sample((left, right, scale) =>
        {
            double cosine = PairScoring.Cosine(left, right);
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
