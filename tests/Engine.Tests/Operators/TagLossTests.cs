using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Random;
using Xunit;

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
    [InlineData(1, 1, 0, 0, 0)]
    [InlineData(5, 9, 0, 1, 0)]
    [InlineData(2, 45, 1, 4, 0.05f)]
    [InlineData(2, 7, 0.5f, 0, 0.2f)]
    public void Gradients_OneHead_MatchDifferences(int videos, int tags, float positiveGamma, float negativeGamma, float margin)
    {
        int[] labels = Labels(videos, tags);
        GradientCheck.Run([GradientInput.Uniform("logits", new Shape(videos, tags), -3, 3)],
            (tape, t) =>
            {
                var term = tape.Scratch(new Shape(1));
                TagLoss.Forward(tape, t[0], LabelsOf(tape, videos, tags), new TagFocus(positiveGamma, negativeGamma, margin), weight: 1, term);
                return term;
            },
            v => [new TagLossReference(labels, videos, tags, positiveGamma, negativeGamma, margin).Forward(v[0]).Sum() / videos]);
    }

    [Theory]
    [InlineData(3, 2, 32, 0, 0, 0, null)]
    [InlineData(1, 2, 45, 0, 1, 0, null)]
    [InlineData(3, 5, 9, 0, 1, 0, 1e-8f)]
    [InlineData(1, 3, 33, 1, 4, 0.05f, 1e-8f)]
    [InlineData(2, 3, 17, 0, 0, 0, 1e-2f)] // an epsilon that takes part
    public void Gradients_MixtureAndExperts_MatchDifferences(int experts, int videos, int tags, float positiveGamma, float negativeGamma, float margin, float? epsilon)
    {
        int[] labels = Labels(videos, tags);
        GradientCheck.Run([GradientInput.Uniform("mixture", new Shape(videos, tags), -3, 3), GradientInput.Uniform("experts", new Shape(experts, videos, tags), -3, 3)],
            (tape, t) =>
            {
                var terms = tape.Scratch(new Shape(epsilon is null ? 2 : 3));
                TagLoss.Forward(tape, t[0], t[1], LabelsOf(tape, videos, tags), new TagFocus(positiveGamma, negativeGamma, margin), weight: 1,
                    epsilon is { } added ? new TagConsistency(Temperature: 2, added, Weight: 1) : null, terms);
                return terms;
            },
            v =>
            {
                var tagLoss = new TagLossReference(labels, videos, tags, positiveGamma, negativeGamma, margin);
                double[] values = [tagLoss.Forward(v[0]).Sum() / videos, tagLoss.Forward(v[1]).Sum() / videos];
                return epsilon is { } added ? [.. values, new ConsistencyReference(tags, 0.5f, added).Forward(v[0], v[1]).Sum() / videos] : values;
            });
    }

    [Fact]
    public void Forward_NotTraining_WritesTheSameTermsAndNoGradient()
    {
        const int experts = 2, videos = 3, tags = 37;
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 16);
        float[][] terms = [.. new[] { true, false }.Select(training =>
        {
            using var tape = new Tape(device.Stream, arena) { Training = training };
            var (mixture, ofExperts) = (tape.Result(new Shape(videos, tags), differentiable: true), tape.Result(new Shape(experts, videos, tags), differentiable: true));
            foreach (var logits in new[] { mixture, ofExperts })
            {
                for (int i = 0; i < logits.Shape.Count; i++)
                    logits.Floats[i] = (float)Philox.Uniform(9, 0, (uint)logits.Shape.Rank, i) * 8 - 4;
            }
            var values = tape.Scratch(new Shape(3));
            TagLoss.Forward(tape, mixture, ofExperts, LabelsOf(tape, videos, tags), new TagFocus(0, 1, 0), weight: 1, new TagConsistency(2, 1e-8f, 10), values);
            Assert.Equal(training, mixture.Node >= 0 && tape.GradientOf(mixture).Exists && tape.GradientOf(ofExperts).Exists);
            var result = new Span<float>(values.Floats, 3).ToArray();
            tape.Clear();
            return result;
        })];
        Assert.Equal(terms[0], terms[1]);
    }

    [Fact]
    public void Forward_ShapesThatDoNotFit_Throws()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 16);
        using var tape = new Tape(device.Stream, arena);
        var logits = tape.Scratch(new Shape(2, 40));
        var labels = tape.Scratch(new Shape(2, 2), ElementType.Int32);
        var consistency = new TagConsistency(2, 1e-8f, 1);
        Assert.Throws<ArgumentException>(() => TagLoss.Forward(tape, logits, tape.Scratch(new Shape(2, 1), ElementType.Int32), default, 1, tape.Scratch(new Shape(1))));
        Assert.Throws<ArgumentException>(() => TagLoss.Forward(tape, logits, tape.Scratch(new Shape(3, 2, 39)), labels, default, 1, consistency, tape.Scratch(new Shape(3))));
        Assert.Throws<ArgumentException>(() => TagLoss.Forward(tape, logits, tape.Scratch(new Shape(3, 2, 40)), labels, default, 1, consistency, tape.Scratch(new Shape(2))));
        Assert.Throws<ArgumentException>(() => TagLoss.Forward(tape, logits, default, labels, default, 1, consistency, tape.Scratch(new Shape(2))));
    }

    private static int[] Labels(int videos, int tags) => [.. Enumerable.Range(0, videos * ((tags + 31) / 32)).Select(static i => (int)Philox.Bits(1, 0, 0, i))];

    private static Tensor LabelsOf(Tape tape, int videos, int tags) => GradientCheck.Integers(tape, new Shape(videos, (tags + 31) / 32), Labels(videos, tags));
}
