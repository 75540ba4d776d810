using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Random;
using Xunit;
using TagLoss = VideoSim.Engine.Operators.TagLoss;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class TagLossTests
{
    // Reference fact sheet, Appendix A items 6 and 12: one tag, the published asymmetric loss.
    [Theory]
    [InlineData(0, true, 0.693147, -0.5)]
    [InlineData(0, false, 0.346574, 0.423287)]
    [InlineData(40, true, 0.0, 0)]
    [InlineData(-3, false, null, 0.00444423)]
    [InlineData(2.5f, false, null, 1.03482786)]
    public void Asymmetric_PublishedValues_Agree(float logit, bool present, double? loss, double slope)
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 12);
        using var tape = new Tape(device.Stream, arena) { Training = true };
        var (z, term) = (tape.Result(new Shape(1, 1), differentiable: true), tape.Scratch(new Shape(1)));
        z.Floats[0] = logit;
        TagLoss.Forward(tape, z, GradientCheck.Integers(tape, new Shape(1, 1), [present ? 1 : 0]), new TagFocus(0, 1, 0), weight: 1, term);
        tape.RunBackward();
        Assert.Equal(loss ?? term.Floats[0], term.Floats[0], 1e-6);
        Assert.Equal(slope, tape.GradientOf(z).Floats[0], 1e-6);
    }

    [Theory]
    [InlineData(1, 1, 1, 0, 0, 0)]
    [InlineData(1, 5, 9, 0, 1, 0)]
    [InlineData(3, 2, 32, 0, 0, 0)]
    [InlineData(3, 2, 45, 0, 1, 0)]
    [InlineData(3, 2, 45, 1, 4, 0.05f)]
    [InlineData(2, 2, 7, 0.5f, 0, 0.2f)]
    public void Gradients_AnyHeadsAndFocus_MatchDifferences(int heads, int videos, int tags, float positiveGamma, float negativeGamma, float margin)
    {
        int words = (tags + 31) / 32;
        int[] labels = [.. Enumerable.Range(0, videos * words).Select(static i => (int)Philox.Bits(1, 0, 0, i))];
        GradientCheck.Run([GradientInput.Uniform("logits", new Shape(heads, videos, tags), -3, 3)],
            (tape, t) =>
            {
                var term = tape.Scratch(new Shape(1));
                TagLoss.Forward(tape, t[0], GradientCheck.Integers(tape, new Shape(videos, words), labels),
                    new TagFocus(positiveGamma, negativeGamma, margin), weight: 1, term);
                return term;
            },
            v => [new TagLossReference(labels, videos, tags, positiveGamma, negativeGamma, margin).Forward(v[0]).Sum() / videos]);
    }
}
