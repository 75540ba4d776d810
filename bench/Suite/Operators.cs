using System.Runtime.InteropServices;
using VideoSim.Bench;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Random;
using VideoSim.Models.Profiling;

namespace VideoSim.Suite;

/// <summary>
/// Times operators forward and backward at a row of sizes, and matrix products. Names and cases are those of the
/// peers.
/// </summary>
/// <param name="device">The device.</param>
/// <param name="limit">Time for one case; ten calls are timed however long they take.</param>
/// <param name="cancellation">Stops between calls.</param>
internal sealed class Operators(Device device, TimeSpan limit, CancellationToken cancellation)
{
    private const int Width = 768, InnerWidth = 3072, Heads = 12, Length = 64; // of an encoder
    private const float Epsilon = 1e-12f;

    // The result of a step is the gradient of y, which no operator writes.
    private static readonly Rule<Tensor> Written = new(static (Tape tape, in Tensor y) => tape.GradientToWrite(y, out _));

    private static readonly int[] Rows = [64, 128, 256, 512, 1024, 2048], Squares = [64, 128, 256, 512, 1024], Batches = [1, 2, 4, 8, 16];

    private delegate Tensor Apply(Tape tape, in Tensor x, in Tensor mask);

    /// <summary>Operators at a row of sizes.</summary>
    public IEnumerable<BenchRow> Sizes()
    {
        foreach (int rows in Rows)
            yield return Time("LayerNorm", new Shape(rows, Width), $"{rows} x {Width}", LayerNorm);
        foreach (int rows in Rows)
            yield return Time("GELU", new Shape(rows, InnerWidth), $"{rows} x {InnerWidth}", static (Tape tape, in Tensor x, in Tensor _) => Activation.Forward(tape, x, ActivationKind.Gelu));
        foreach (int rows in Rows)
            yield return Time("softmax", new Shape(rows * Heads, Length), $"{rows * Heads} x {Length}", static (Tape tape, in Tensor x, in Tensor _) => Softmax.Forward(tape, x));
        foreach (int batch in Batches)
            yield return Time("attention", new Shape(batch, Length, 3 * Width), $"{batch} x {Length}, {Heads} heads of {Width / Heads}, dropout 0", Attend);
        foreach (int size in Squares)
            yield return Time(new ProductShape("NT", size, size, size), $"{size} x {size} x {size}", (long)size * size);
    }

    /// <summary>The matrix products of an encoder's step.</summary>
    public IEnumerable<BenchRow> Products() => from rows in new[] { 512, 2048 } from shape in ProductShape.OfEncoder(rows) select Time(shape, $"{shape}", null);

    private static Tensor Attend(Tape tape, in Tensor x, in Tensor mask) => Attention.Forward(tape, x, new AttentionOptions(mask, Rotary: default, Heads, Site: 1, DropProbability: 0));

    private static Tensor LayerNorm(Tape tape, in Tensor x, in Tensor mask)
    {
        Tensor weight = tape.Result(new Shape(Width), differentiable: true), bias = tape.Result(new Shape(Width), differentiable: true);
        return ResidualNorm.Forward(tape, x, default, default, weight, bias, Epsilon);
    }

    // The mask of attention lets every position count.
    private BenchRow Time(string name, Shape x, string shape, Apply apply)
    {
        var mask = new Shape((int)(x.Count / x.Width / Length), Length);
        using var inputs = new StepInputs(device, new StepInput(nameof(mask), mask, ElementType.Int32));
        inputs.Upload(new StepScalars());
        inputs.Upload<int>(nameof(mask), [.. Enumerable.Repeat(1, (int)mask.Count)]);
        using var step = new Step<(Tensor X, Tensor Upstream)>(device, new StepMode(Training: true, Seed: 1), inputs, tape =>
        {
            var input = tape.Result(x, differentiable: true);
            var y = apply(tape, input, inputs[nameof(mask)]);
            tape.RecordLoss(Written, y);
            tape.RunBackward();
            return (input, tape.GradientOf(y));
        });
        Fill(step.Result.X);
        Fill(step.Result.Upstream);
        return Row($"{name} forward-backward", name, shape, x.Count, step.Cost.MovedBytes, step.Cost.Flops, step.Run);
    }

    private unsafe BenchRow Time(ProductShape shape, string name, long? size)
    {
        var (_, m, n, k) = shape;
        Shape ofA = new(m, k), ofB = new(k, n), ofC = new(m, n);
        using var arena = new Arena(device, Bytes(ofA) + Bytes(ofB) + Bytes(ofC));
        Tensor a = arena.Allocate(ofA), b = arena.Allocate(ofB), c = arena.Allocate(ofC);
        Fill(a);
        Fill(b);
        var args = shape.Args((float*)a.Address, (float*)b.Address, (float*)c.Address);
        using var workspace = device.PacksProducts ? new Arena(device, Bytes(new Shape((int)MatMulKernels.PackedElements(args)))) : null;
        return Row("matmul", "matmul", name, size, sizeof(float) * (double)(ofA.Count + ofB.Count + ofC.Count), 2.0 * m * n * k, () => MatrixProduct.Run(device.Stream, args, workspace));
    }

    private BenchRow Row(string name, string family, string shape, long? size, double bytes, double flops, Action run)
    {
        using var clock = LaunchClock.Of(device);
        var us = clock.Sample(run, limit, cancellation);
        return new BenchRow("", name, family, BenchRow.OurSystem, shape, size, device is CpuDevice ? "cpu" : device.Name, device is CpuDevice ? Environment.ProcessorCount : null,
            RowTime.Of(us.Median / 1e3, us.P10 / 1e3, us.P90 / 1e3, us.Best / 1e3, us.Samples), bytes, flops, null, null, null, null);
    }

    private static long Bytes(Shape shape) => Arena.BytesOf(shape, ElementType.Float32);

    // Values between -1 and 1, none of them 0.
    private void Fill(in Tensor tensor)
    {
        float[] values = new float[tensor.Shape.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = (i % 61 - 29.5f) / 32;
        device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), tensor.Address);
    }
}
