using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Losses;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class SoftmaxCrossEntropyTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 3)]
    [InlineData(7, 67)]
    public void Gradients_OfTheMean_MatchDifferences(int rows, int classes) => Check(rows, classes, weights: null);

    [Fact]
    public void Gradients_OfWeightedRows_MatchDifferences() => Check(3, 5, [0.25f, 0, 2]);

    // PyTorch's ignore_index: the label of a row out of use may be anything.
    [Fact]
    public void Gradients_LabelOfARowOutOfUse_IsNotRead() => Check(3, 5, [0.5f, 0, 0.5f], labels: [1, -1, 4]);

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void Loss_LabelThatIsNoClass_IsNaN(int label)
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 12);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        var logits = tape.Result(new Shape(2, 3), differentiable: true);
        new Span<float>(logits.Floats, 6).Fill(0.5f);
        var term = SoftmaxCrossEntropy.Forward(tape, logits, GradientCheck.Integers(tape, new Shape(2), [0, label]));
        tape.RunBackward(new LossTerm("loss", 1, term));
        Assert.True(float.IsNaN(*term.Floats));
    }

    // A loss that is only logged.
    [Fact]
    public void Loss_WithoutWeight_IsComputedAndHasNoGradient()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 12);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        var logits = tape.Result(new Shape(1, 4), differentiable: true);
        new Span<float>(logits.Floats, 4).Fill(3);
        var term = SoftmaxCrossEntropy.Forward(tape, logits, GradientCheck.Integers(tape, new Shape(1), [2]));
        tape.RunBackward(new LossTerm("logged", 0, term));
        Assert.Equal(Math.Log(4), *term.Floats, 1e-6);
        Assert.False(tape.GradientOf(logits).Exists);
    }

    [Fact]
    public void Forward_OtherNumberOfLabels_Throws() => Assert.Throws<ArgumentException>(() => GradientCheck.RunLoss([GradientInput.Uniform("logits", new Shape(2, 3))],
        static (tape, t) => [SoftmaxCrossEntropy.Forward(tape, t[0], GradientCheck.Integers(tape, new Shape(3), [0, 1, 2]))], static _ => [0]));

    private static void Check(int rows, int classes, float[]? weights, int[]? labels = null)
    {
        labels ??= [.. Enumerable.Range(0, rows).Select(row => row * 11 % classes)];
        int[] inUse = Array.ConvertAll(labels, static label => Math.Max(label, 0));
        double[] shares = weights is null ? [.. labels.Select(_ => 1.0 / rows)] : Array.ConvertAll(weights, static weight => (double)weight);
        GradientCheck.RunLoss([GradientInput.Uniform("logits", new Shape(rows, classes), -3, 3)],
            (tape, t) =>
            {
                Tensor ofRows = default;
                if (weights is not null)
                {
                    ofRows = tape.Scratch(new Shape(rows));
                    weights.CopyTo(new Span<float>(ofRows.Floats, rows));
                }
                return [SoftmaxCrossEntropy.Forward(tape, t[0], GradientCheck.Integers(tape, new Shape(rows), labels), ofRows)];
            },
            v => [CrossEntropyReference.Forward(v[0], inUse, shares, classes).Sum()]);
    }
}
