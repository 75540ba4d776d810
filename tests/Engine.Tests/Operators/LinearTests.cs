using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class LinearTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gradient_OddSizes_MatchesDifferences(bool bias)
    {
        var x = GradientInput.Uniform("x", new Shape(3, 5, 7));
        var weight = GradientInput.Uniform("weight", new Shape(11, 7));
        var b = GradientInput.Uniform("bias", new Shape(11));
        GradientCheck.Run(bias ? [x, weight, b] : [x, weight],
            (tape, t) => Linear.Forward(tape, t[0], t[1], bias ? t[2] : default),
            v => Apply(v[0], v[1], bias ? v[2] : null, stack: 1, rows: 15, n: 11, k: 7, sharedInput: true));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gradient_StackOfMaps_MatchesDifferences(bool sharedInput)
    {
        const int stack = 3, rows = 4, n = 5, k = 6;
        var x = GradientInput.Uniform("x", sharedInput ? new Shape(rows, k) : new Shape(stack, rows, k));
        var weight = GradientInput.Uniform("weight", new Shape(stack, n, k));
        var bias = GradientInput.Uniform("bias", new Shape(stack, n));
        GradientCheck.Run([x, weight, bias],
            (tape, t) => Linear.ForwardStack(tape, t[0], t[1], t[2]),
            v => Apply(v[0], v[1], v[2], stack, rows, n, k, sharedInput));
    }

    // The launches of backward are a group, except those that depend on each other: a product that packs its operand,
    // and the products of a stack that add to one gradient.
    [Theory]
    [InlineData(1, 300, 300, 300)]
    [InlineData(4, 32, 256, 32)]
    [InlineData(4, 96, 128, 200)]
    public void Gradient_TwoThreads_GivesTheBitsOfOne(int stack, int rows, int n, int k)
    {
        int[] one = Bits(threads: 1, stack, rows, n, k);
        for (int run = 0; run < 60; run++)
            Assert.Equal(one, Bits(threads: 2, stack, rows, n, k));
    }

    // Gradients of x, weight and bias, of inputs with a gradient of y of ones.
    private static int[] Bits(int threads, int stack, int rows, int n, int k)
    {
        using var device = new CpuDevice(threads);
        using Arena arena = new(device, 16 << 20), workspace = new(device, 4 << 20);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true, 1), Workspace = workspace };
        Tensor[] inputs = [Input(tape, "x", new Shape(rows, k)), Input(tape, "weight", new Shape(stack, n, k)), Input(tape, "bias", new Shape(stack, n))];
        var dY = Input(tape, "dY", new Shape(stack, rows, n));
        Linear.Differentiate(tape, inputs[0], inputs[1], inputs[2], dY, stack, sharedInput: true);
        return [.. inputs.SelectMany(input => new ReadOnlySpan<int>(tape.GradientOf(input).Values, (int)input.Shape.Count).ToArray())];
    }

    private static Tensor Input(Tape tape, string name, Shape shape)
    {
        var tensor = tape.Result(shape, differentiable: true);
        GradientInput.Uniform(name, shape).Values.CopyTo(new Span<float>(tensor.Floats, (int)shape.Count));
        return tensor;
    }

    private static double[] Apply(double[] x, double[] weight, double[]? bias, int stack, int rows, int n, int k, bool sharedInput)
    {
        double[] y = new double[stack * rows * n];
        for (int at = 0; at < y.Length; at++)
        {
            int map = at / (rows * n), row = at / n % rows, column = at % n;
            double sum = bias is null ? 0 : bias[map * n + column];
            for (int i = 0; i < k; i++)
                sum += x[((sharedInput ? 0 : map) * rows + row) * k + i] * weight[(map * n + column) * k + i];
            y[at] = sum;
        }
        return y;
    }
}
