using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class MultiLabelLossTests
{
    // docs/reference-system.md, section 12, items 6 and 12: one label, the published asymmetric loss.
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
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        var z = tape.Result(new Shape(1, 1), differentiable: true);
        z.Floats[0] = logit;
        var term = MultiLabelLoss.Forward(tape, z, GradientCheck.Integers(tape, new Shape(1, 1), [present ? 1 : 0]), new LabelFocus(0, 1, 0));
        tape.RunBackward(new LossTerm("loss", 1, term));
        Assert.Equal(loss ?? term.Floats[0], term.Floats[0], 1e-6);
        Assert.Equal(slope, tape.GradientOf(z).Floats[0], 1e-6);
    }

    [Theory]
    [InlineData(1, 1, 0, 0, 0)]
    [InlineData(5, 9, 0, 1, 0)]
    [InlineData(2, 45, 1, 4, 0.05f)]
    [InlineData(2, 7, 0.5f, 0, 0.2f)]
    public void Gradients_OneHead_MatchDifferences(int rows, int classes, float positiveGamma, float negativeGamma, float margin)
    {
        int[] labels = Labels(rows, classes);
        GradientCheck.RunLoss([GradientInput.Uniform("logits", new Shape(rows, classes), -3, 3)],
            (tape, t) => [MultiLabelLoss.Forward(tape, t[0], LabelsOf(tape, rows, classes), new LabelFocus(positiveGamma, negativeGamma, margin))],
            v => [new TagLossReference(labels, rows, classes, positiveGamma, negativeGamma, margin).Forward(v[0]).Sum() / rows]);
    }

    [Theory]
    [InlineData(3, 2, 32, 0, 0, 0, null)]
    [InlineData(1, 2, 45, 0, 1, 0, null)]
    [InlineData(3, 5, 9, 0, 1, 0, 1e-8f)]
    [InlineData(1, 3, 33, 1, 4, 0.05f, 1e-8f)]
    [InlineData(2, 3, 17, 0, 0, 0, 1e-2f)] // an epsilon that takes part
    public void Gradients_MixtureAndExperts_MatchDifferences(int experts, int rows, int classes, float positiveGamma, float negativeGamma, float margin, float? epsilon)
    {
        int[] labels = Labels(rows, classes);
        GradientCheck.RunLoss([GradientInput.Uniform("mixture", new Shape(rows, classes), -3, 3), GradientInput.Uniform("experts", new Shape(experts, rows, classes), -3, 3)],
            (tape, t) =>
            {
                var terms = MultiLabelLoss.Forward(tape, t[0], t[1], LabelsOf(tape, rows, classes), new LabelFocus(positiveGamma, negativeGamma, margin),
                    epsilon is { } added ? new HeadConsistency(Temperature: 2, added) : null);
                return epsilon is null ? [terms.Mixture, terms.Experts] : [terms.Mixture, terms.Experts, terms.Consistency];
            },
            v =>
            {
                var reference = new TagLossReference(labels, rows, classes, positiveGamma, negativeGamma, margin);
                double[] values = [reference.Forward(v[0]).Sum() / rows, reference.Forward(v[1]).Sum() / rows];
                return epsilon is { } added ? [.. values, new ConsistencyReference(classes, 0.5f, added).Forward(v[0], v[1]).Sum() / rows] : values;
            });
    }

    // Outside of training another kernel computes the same losses.
    [Fact]
    public void Forward_NotTraining_HasTheSameValuesBitByBit()
    {
        const int experts = 2, rows = 3, classes = 37;
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 16);
        float[][] values = [.. new[] { true, false }.Select(training =>
        {
            using var tape = new Tape(device.Stream, arena) { Mode = new(Training: training) };
            var (mixture, ofExperts) = (tape.Result(new Shape(rows, classes), differentiable: true), tape.Result(new Shape(experts, rows, classes), differentiable: true));
            foreach (var logits in new[] { mixture, ofExperts })
            {
                for (int i = 0; i < logits.Shape.Count; i++)
                    logits.Floats[i] = (float)Philox.Uniform(9, 0, (uint)logits.Shape.Rank, i) * 8 - 4;
            }
            var terms = MultiLabelLoss.Forward(tape, mixture, ofExperts, LabelsOf(tape, rows, classes), new LabelFocus(0, 1, 0), new HeadConsistency(2, 1e-8f));
            if (training)
                tape.RunBackward(new("mixture", 1, terms.Mixture), new("experts", 1, terms.Experts), new("consistency", 10, terms.Consistency));
            Assert.Equal(training, mixture.Node >= 0 && tape.GradientOf(mixture).Exists && tape.GradientOf(ofExperts).Exists);
            float[] result = [terms.Mixture.Floats[0], terms.Experts.Floats[0], terms.Consistency.Floats[0]];
            tape.Clear();
            return result;
        })];
        Assert.All(values[0], static value => Assert.True(float.IsFinite(value)));
        Assert.Equal(values[0], values[1]);
    }

    [Fact]
    public void RunBackward_NoTermInTheObjective_LeavesValuesAndNoGradient()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 12);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        var logits = tape.Result(new Shape(1, 1), differentiable: true);
        logits.Floats[0] = 0;
        var term = MultiLabelLoss.Forward(tape, logits, GradientCheck.Integers(tape, new Shape(1, 1), [1]), default);
        tape.RunBackward(new LossTerm("loss", 0, term));
        Assert.Equal(Math.Log(2), term.Floats[0], 1e-6);
        Assert.False(tape.GradientOf(logits).Exists);
    }

    [Fact]
    public void Forward_ShapesThatDoNotFit_Throws()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 16);
        using var tape = new Tape(device.Stream, arena);
        var logits = tape.Scratch(new Shape(2, 40));
        var labels = tape.Scratch(new Shape(2, 2), ElementType.Int32);
        var consistency = new HeadConsistency(2, 1e-8f);
        Assert.Throws<ArgumentException>(() => MultiLabelLoss.Forward(tape, logits, tape.Scratch(new Shape(2, 1), ElementType.Int32), default));
        Assert.Throws<ArgumentException>(() => MultiLabelLoss.Forward(tape, logits, tape.Scratch(new Shape(3, 2, 39)), labels, default, consistency));
        Assert.Throws<ArgumentException>(() => MultiLabelLoss.Forward(tape, logits, default, labels, default, consistency));
    }

    private static int[] Labels(int rows, int classes) => [.. Enumerable.Range(0, rows * ((classes + 31) / 32)).Select(static i => (int)Philox.Bits(1, 0, 0, i))];

    private static Tensor LabelsOf(Tape tape, int rows, int classes) => GradientCheck.Integers(tape, new Shape(rows, (classes + 31) / 32), Labels(rows, classes));
}
