using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Autograd;

/// <summary>An fp32 input of the operator under test; every one is tried with and without a gradient.</summary>
internal sealed record GradientInput(string Name, Shape Shape, float[] Values)
{
    /// <summary>Uniform values, the same on every run; another <paramref name="stream"/> gives others.</summary>
    public static GradientInput Uniform(string name, Shape shape, float low = -1, float high = 1, uint stream = 0)
    {
        uint site = name.Aggregate(stream, static (hash, c) => hash * 31 + c);
        return new(name, shape, [.. Enumerable.Range(0, (int)shape.Count).Select(i => low + (high - low) * (float)Philox.Uniform(1, 0, site, i))]);
    }
}

/// <summary>
/// Holds an operator, run through a real tape in fp32, to central differences of L = sum(upstream * y) in float64.
/// Tried are: all gradients; all gradients where somebody has written before (the operator must add); and each gradient
/// alone, with the other inputs as constants. The forward values are compared as well.
/// <para>
/// Tolerance: <c>roundings * 2^-24 * scale</c>. 2^-24 is the relative error of one fp32 rounding; <c>roundings</c> is how
/// many of them, all pointing the same way, the operator may pile up, relative to the largest entry of the gradient.
/// A gradient that vanishes (below 1e-4 of the operator's largest) is what cancellation left of terms of the others' size,
/// so it is held to their scale. The differences themselves err by about 1e-10: truncation h^2, rounding 2^-53 / h.
/// </para>
/// </summary>
internal static unsafe class GradientCheck
{
    /// <summary>Key and step of the tape's random numbers, for references that drop values.</summary>
    public const ulong Seed = 77;

    /// <inheritdoc cref="Seed"/>
    public const uint Step = 3;

    private const double Unit = 1.0 / (1 << 24), Vanishing = 1e-4, Difference = 1e-5;
    private const uint UpstreamSite = 1000, EarlierSite = 1001;

    /// <summary>Checks one operator at one set of shapes.</summary>
    /// <param name="inputs">Its differentiable inputs; integers and the like are captured by <paramref name="forward"/>.</param>
    /// <param name="forward">Runs it.</param>
    /// <param name="reference">The same values in float64, one array per input, in order.</param>
    /// <param name="roundings">See the type's remarks.</param>
    public static void Run(IReadOnlyList<GradientInput> inputs, Func<Tape, Tensor[], Tensor> forward, Func<double[][], double[]> reference, double roundings = 64) =>
        Run(inputs, (tape, tensors) => [forward(tape, tensors)], isLoss: false, reference, roundings);

    /// <summary>Checks one loss: L is the sum of its terms, each with a weight of its own.</summary>
    public static void RunLoss(IReadOnlyList<GradientInput> inputs, Func<Tape, Tensor[], Tensor[]> forward, Func<double[][], double[]> reference, double roundings = 64) =>
        Run(inputs, forward, isLoss: true, reference, roundings);

    private static void Run(IReadOnlyList<GradientInput> inputs, Func<Tape, Tensor[], Tensor[]> forward, bool isLoss, Func<double[][], double[]> reference, double roundings)
    {
        double[][] values = inputs.Select(static input => Array.ConvertAll(input.Values, static v => (double)v)).ToArray();
        double[] y = reference(values);
        bool[] all = Enumerable.Repeat(true, inputs.Count).ToArray();
        float[] upstream = Random(y.Length, UpstreamSite);
        float[]?[] first = RunTape(inputs, all, forward, isLoss, earlier: false, y, roundings, upstream);
        double[][] numeric = Enumerable.Range(0, inputs.Count).Select(i => Differences(values, i, reference, upstream)).ToArray();
        double largest = numeric.Max(Largest);
        Compare(first, "all gradients", earlier: false);
        Compare(RunTape(inputs, all, forward, isLoss, earlier: true, y, roundings, upstream), "gradients added to earlier ones", earlier: true);
        for (int alone = 0; alone < inputs.Count && inputs.Count > 1; alone++)
        {
            bool[] wanted = Enumerable.Range(0, inputs.Count).Select(i => i == alone).ToArray();
            Compare(RunTape(inputs, wanted, forward, isLoss, earlier: false, y, roundings, upstream), $"only the gradient of {inputs[alone].Name}", earlier: false);
        }

        void Compare(float[]?[] gradients, string variant, bool earlier)
        {
            for (int i = 0; i < inputs.Count; i++)
            {
                if (gradients[i] is not { } actual)
                    continue;
                double own = Largest(numeric[i]);
                double scale = (own < Vanishing * largest ? largest : own) + (earlier ? 1 : 0);
                float[] before = Random(actual.Length, EarlierSite);
                for (int k = 0; k < actual.Length; k++)
                {
                    double expected = numeric[i][k] + (earlier ? before[k] : 0), error = Math.Abs(actual[k] - expected);
                    Assert.True(error <= roundings * Unit * scale,
                        $"{variant}: d{inputs[i].Name}[{k}] of {inputs[i].Shape} is {actual[k]:R}, differences say {expected:R}: error {error:E2}, allowed {roundings * Unit * scale:E2}");
                }
            }
        }
    }

    /// <summary>An integer tensor on the tape's CPU device, for forward functions to capture.</summary>
    public static Tensor Integers(Tape tape, Shape shape, ReadOnlySpan<int> values)
    {
        var tensor = tape.Scratch(shape, ElementType.Int32);
        values.CopyTo(new Span<int>(tensor.Ints, (int)shape.Count));
        return tensor;
    }

    private static float[]?[] RunTape(IReadOnlyList<GradientInput> inputs, bool[] wanted, Func<Tape, Tensor[], Tensor[]> forward, bool isLoss, bool earlier,
        double[] expected, double roundings, float[] upstream)
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 16 << 20); // begins as NaN, so that a gradient nobody wrote is seen
        var scalars = new StepScalars { Step = Step };
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true, Seed), Scalars = &scalars };
        var tensors = inputs.Select((input, i) => wanted[i] ? tape.Result(input.Shape, differentiable: true) : tape.Scratch(input.Shape)).ToArray();
        for (int i = 0; i < tensors.Length; i++)
            Write(tensors[i], inputs[i].Values);
        for (int i = 0; i < tensors.Length && earlier; i++)
            Write(tape.GradientToWrite(tensors[i], out _), Random(inputs[i].Values.Length, EarlierSite));
        var y = forward(tape, tensors);
        if (isLoss)
            tape.RunBackward([.. y.Select((term, i) => new LossTerm($"term {i}", upstream[i], term))]); // some losses have no value before
        float[] actual = [.. y.SelectMany(Read)];
        Assert.True(expected.Length == actual.Length, $"the reference has {expected.Length} values, the operator {actual.Length}");
        double largest = Largest(expected);
        for (int k = 0; k < actual.Length; k++)
        {
            Assert.True(Math.Abs(actual[k] - expected[k]) <= roundings * Unit * largest,
                $"forward: y[{k}] is {actual[k]:R}, the reference says {expected[k]:R}");
        }
        if (!isLoss)
        {
            Write(tape.GradientToWrite(y[0], out _), upstream);
            tape.RunBackward();
        }
        return [.. tensors.Select((tensor, i) => wanted[i] ? Read(Existing(tape.GradientOf(tensor), inputs[i].Name)) : null)];
    }

    private static Tensor Existing(Tensor gradient, string name)
    {
        Assert.True(gradient.Exists, $"no gradient of {name} was written");
        return gradient;
    }

    private static double[] Differences(double[][] values, int input, Func<double[][], double[]> reference, float[] upstream)
    {
        double[] result = new double[values[input].Length];
        for (int k = 0; k < result.Length; k++)
        {
            double x = values[input][k], h = Difference * Math.Max(1, Math.Abs(x));
            values[input][k] = x + h;
            double above = Loss();
            values[input][k] = x - h;
            double below = Loss();
            values[input][k] = x;
            result[k] = (above - below) / (2 * h);
        }
        return result;

        double Loss() => reference(values).Zip(upstream, static (y, weight) => y * weight).Sum();
    }

    private static float[] Random(int count, uint site) => [.. Enumerable.Range(0, count).Select(i => (float)(2 * Philox.Uniform(1, 0, site, i) - 1))];

    private static double Largest(double[] values) => values.Length == 0 ? 0 : values.Max(Math.Abs);

    private static void Write(Tensor tensor, float[] values) => values.CopyTo(new Span<float>(tensor.Floats, (int)tensor.Shape.Count));

    private static float[] Read(Tensor tensor) => new Span<float>(tensor.Floats, (int)tensor.Shape.Count).ToArray();
}
