using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using Xunit;

namespace VideoSim.Engine.Tests.Autograd;

/// <summary>A term's weight is written once: it counts in the total and in the gradient.</summary>
public sealed unsafe class LossTermsTests
{
    private static readonly float[] Sides = [1, 0, 0.6f, 0.8f];

    // One pair with cosine 0.6 and target 0.2: the squared error is 0.16, its slope by the cosine 0.8.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(0.25f)]
    public void Weight_OfATerm_CountsInTotalAndGradient(float weight)
    {
        var (total, slope) = Run(pair => [new("squared_error", weight, pair.SquaredError)]);
        Assert.Equal(weight * 0.16, total, 1e-6);
        Assert.Equal(weight * 0.8, slope, 1e-6);
    }

    [Fact]
    public void Term_ListedTwice_HasBothWeights()
    {
        var (total, slope) = Run(static pair => [new("once", 1, pair.SquaredError), new("again", 2, pair.SquaredError)]);
        Assert.Equal(3 * 0.16, total, 1e-6);
        Assert.Equal(3 * 0.8, slope, 1e-6);
    }

    [Fact]
    public void Term_NotListed_HasNoGradient()
    {
        var alone = Run(static pair => [new("squared_error", 1, pair.SquaredError)]);
        var both = Run(static pair => [new("squared_error", 1, pair.SquaredError), new("kl", 1, pair.Kl)]);
        Assert.Equal(0.8, alone.Slope, 1e-6);
        Assert.NotEqual(both.Slope, alone.Slope);
    }

    [Fact]
    public void RunBackward_ValueThatIsNoLoss_NamesTheTerm()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 4096);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        foreach (var value in new[] { default, tape.Scratch(new Shape(1)), tape.Result(new Shape(1), differentiable: true) })
            Assert.Equal("the term mine of the objective is not the value of a loss", Assert.Throws<ArgumentException>(() => tape.RunBackward(new LossTerm("mine", 1, value))).Message);
    }

    [Fact]
    public void FirstNonFinite_OfSeveral_IsTheFirst()
    {
        var terms = new LossTerms(new("a", 1, default), new("b", 1, default), new("c", 1, default));
        Assert.Null(terms.FirstNonFinite([1, 2, 3]));
        Assert.Equal(("b", float.PositiveInfinity), terms.FirstNonFinite([1, float.PositiveInfinity, float.NaN]));
    }

    // The total, and the gradient of the right side along the left one without what lies along the right side itself.
    private static (double Total, double Slope) Run(Func<PairTerms, LossTerm[]> objective)
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 4096);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        Tensor embeddings = tape.Result(new Shape(2, 2), differentiable: true), target = tape.Scratch(new Shape(1));
        Sides.CopyTo(new Span<float>(embeddings.Floats, Sides.Length));
        target.Floats[0] = 0.2f;
        var losses = new LossTerms(objective(PairLoss.Forward(tape, embeddings, target)));
        tape.RunBackward(losses.Terms);
        return (losses.Total(losses.Read(device)), tape.GradientOf(embeddings).Floats[2] / (1 - 0.6 * 0.6));
    }
}
