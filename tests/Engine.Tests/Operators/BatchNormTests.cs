using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.BatchNorm;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class BatchNormTests
{
    private const float Momentum = 0.75f, Epsilon = 1e-3f;

    [Theory]
    [InlineData(1, 7, 5, 1)]
    [InlineData(1, 6, 9, 2)]
    [InlineData(3, 10, 11, 1)]
    [InlineData(3, 10, 11, 2)]
    [InlineData(2, BatchNormKernels.ChunkRows + 6, 3, 1)]
    public void Gradients_AnyGroups_MatchDifferences(int stack, int rows, int width, int groups)
    {
        Shape shape = stack == 1 ? new Shape(rows, width) : new Shape(stack, rows, width), parameters = new(stack, width);
        GradientCheck.Run(
            [GradientInput.Uniform("x", shape, -1, 3), GradientInput.Uniform("weight", parameters, 0.5f, 1.5f), GradientInput.Uniform("bias", parameters)],
            (tape, t) => BatchNorm.Forward(tape, t[0], t[1], t[2], Filled(tape, parameters, 0), Filled(tape, parameters, 1), groups, Momentum, Epsilon),
            v =>
            {
                var (mean, variance) = BatchNormReference.Statistics(v[0], stack, groups, width);
                return BatchNormReference.Apply(v[0], mean, BatchNormReference.Rstd(variance, Epsilon), v[1], v[2], width);
            }, roundings: 128);
    }

    [Fact]
    public void Forward_TwoGroupsInTraining_MovesTheRunningAveragesByTheFirstThenTheSecond()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 20);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        Tensor mean = Filled(tape, new Shape(1, 1), 8), variance = Filled(tape, new Shape(1, 1), 16), ones = Filled(tape, new Shape(1, 1), 1);
        var x = Filled(tape, new Shape(4, 1), 0);
        (x.Floats[0], x.Floats[1], x.Floats[2], x.Floats[3]) = (-1, 1, 10, 14); // means 0 and 12, variances 1 and 4
        BatchNorm.Forward(tape, x, ones, ones, mean, variance, groups: 2, Momentum, Epsilon);
        Assert.Equal(0.75f * (0.75f * 8) + 0.25f * 12, *mean.Floats);
        Assert.Equal(0.75f * (0.75f * 16 + 0.25f * 1) + 0.25f * 4, *variance.Floats);
    }

    [Fact]
    public void Forward_OutsideOfTraining_UsesTheRunningAveragesAndLeavesThem()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 20);
        using var tape = new Tape(device.Stream, arena);
        Tensor mean = Filled(tape, new Shape(1, 1), 8), variance = Filled(tape, new Shape(1, 1), 4 - Epsilon);
        Tensor weight = Filled(tape, new Shape(1, 1), 3), bias = Filled(tape, new Shape(1, 1), 1);
        var y = BatchNorm.Forward(tape, Filled(tape, new Shape(3, 1), 10), weight, bias, mean, variance, groups: 2, Momentum, Epsilon);
        Assert.Equal([4f, 4, 4], new Span<float>(y.Floats, 3).ToArray()); // (10 - 8) / 2 * 3 + 1
        Assert.Equal((8, 4 - Epsilon), (*mean.Floats, *variance.Floats));
    }

    [Fact]
    public void Forward_RowsThatDoNotSplit_AreRefused()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 20);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        var ones = Filled(tape, new Shape(1, 2), 1);
        var failure = Assert.Throws<ArgumentException>(() => BatchNorm.Forward(tape, Filled(tape, new Shape(5, 2), 0), ones, ones, ones, ones, groups: 2, Momentum, Epsilon));
        Assert.Contains("[5, 2]", failure.Message, StringComparison.Ordinal);
    }

    private static Tensor Filled(Tape tape, Shape shape, float value)
    {
        var tensor = tape.Scratch(shape);
        new Span<float>(tensor.Floats, (int)shape.Count).Fill(value);
        return tensor;
    }
}
