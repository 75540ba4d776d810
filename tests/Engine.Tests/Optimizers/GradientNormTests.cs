using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Cuda;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Optimizers;

/// <summary>The norm of the gradient on parameters of several chunks, and in a step's plan.</summary>
[Collection(CudaMachine.Collection)]
public sealed class GradientNormTests
{
    private const double Limit = 1;

    // Above and below a chunk of 4,096 elements; gaps after both.
    private static readonly Shape[] Shapes = [new(70, 301), new(13), new(3, 5)];

    [Fact]
    public void GradientNorm_OnTheCpu_IsThatOfFloat64WithAnyThreads()
    {
        float[] norms = [.. new[] { 1, 3, 8 }.SelectMany(static threads =>
        {
            using var device = new CpuDevice(threads);
            return Norms(device);
        })];
        Assert.All(norms, norm => Assert.Equal(norms[0], norm));
        AssertClose(norms[0], scale: 1);
    }

    // The squares of 1e25 are above the range of fp32, and those of 1e-25 below it.
    [Fact]
    public void GradientNorm_OnCuda_IsThatOfFloat64()
    {
        using var device = CudaMachine.Open();
        foreach (float scale in new[] { 1, 1e25f, 1e-25f })
        {
            float[] norms = Norms(device, scale);
            Assert.All(norms, norm => Assert.Equal(norms[0], norm));
            AssertClose(norms[0], scale);
        }
        AssertLargest(device);
    }

    [Theory]
    [InlineData(1e25f)]
    [InlineData(1e-25f)]
    [InlineData(1e-40f)]
    public void GradientNorm_SquaresOutsideFloat_IsThatOfFloat64(float scale)
    {
        using var device = new CpuDevice(threads: 2);
        Assert.All(Norms(device, scale), norm => AssertClose(norm, scale));
    }

    [Fact]
    public void GradientNorm_AboveFloat_IsTheLargestFloatAndTheFactorIsNotZero()
    {
        using var device = new CpuDevice(threads: 2);
        AssertLargest(device);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void GradientNorm_OfAValueThatIsNotFinite_IsNotFinite(float scale)
    {
        using var device = new CpuDevice(threads: 2);
        Assert.All(Norms(device, scale), static norm => Assert.False(float.IsFinite(norm)));
    }

    [Fact]
    public void Step_LimitedNorm_CountsItsLaunchesAndBytes()
    {
        using var device = new CpuDevice(threads: 1);
        var (free, limited) = (Counted(device, 0), Counted(device, Limit));
        long chunks = Shapes.Sum(static shape => (shape.Count + 4095) / 4096), elements = Shapes.Sum(static shape => (shape.Count + 15) / 16 * 16);
        // The gradient is read once more. Each chunk and each parameter has an entry of a table, and its sum of 8
        // bytes is written and read. The tables have one more entry each, and the result has two numbers. Without a
        // limit the update writes the sum of each chunk.
        Assert.Equal(4 * (elements + 5 * chunks + 5 * Shapes.Length + 4) - 8 * chunks, limited.Bytes - free.Bytes);
        Assert.Equal(3, limited.Launches - free.Launches);
    }

    // With and without a limit: from the update and from a measurement of its own.
    private static float[] Norms(Device device, float scale = 1) => [.. new[] { 0, Limit }.Select(limit =>
    {
        using var store = Store(device);
        using var sgd = new Sgd(device, store, maxGradientNorm: limit);
        Update(device, store, sgd, scale);
        return sgd.GradientNorm();
    })];

    private static unsafe void Update(Device device, ParameterStore store, Sgd sgd, float scale)
    {
        foreach (var (parameter, i) in store.Parameters.Select(static (parameter, i) => (parameter, i)))
            device.Upload(MemoryMarshal.AsBytes(Array.ConvertAll(Values(parameter.Shape, i), value => scale * value).AsSpan()), parameter.Gradient.Address);
        using var inputs = new StepInputs(device);
        var scalars = new StepScalars();
        sgd.WriteRates(ref scalars, 0, [1]);
        inputs.Upload(scalars);
        sgd.Update(device.Stream, inputs.Scalars);
    }

    // Sums are float64; the norm is rounded to fp32 once, and below 1.2e-38 to a multiple of the smallest float.
    private static void AssertClose(float norm, float scale)
    {
        double expected = Math.Sqrt(Shapes.SelectMany(Values).Sum(g => (double)(scale * g) * (scale * g)));
        Assert.Equal(expected, norm, Math.Max(expected / (1 << 24), float.Epsilon));
    }

    private static void AssertLargest(Device device)
    {
        using var store = Store(device);
        using var sgd = new Sgd(device, store, maxGradientNorm: Limit);
        Update(device, store, sgd, scale: float.MaxValue);
        Assert.Equal(float.MaxValue, sgd.GradientNorm());
        Assert.Null(sgd.FindNonFinite());
        // The factor of such a norm is subnormal in fp32, with few digits.
        float[] weights = new float[store.Weights.Shape.Count];
        device.Download(store.Weights.Address, MemoryMarshal.AsBytes(weights.AsSpan()));
        Assert.Equal(1, Math.Sqrt(weights.Sum(static w => (double)w * w)), 0.01);
    }

    private static (double Bytes, int Launches) Counted(Device device, double limit)
    {
        using var store = Store(device);
        using var sgd = new Sgd(device, store, maxGradientNorm: limit);
        using var inputs = new StepInputs(device);
        using var step = TrainingStep.Build(device, store, sgd, inputs, static _ => new LossTerms());
        return (step.Step.Cost.MovedBytes, step.Step.Launches);
    }

    private static ParameterStore Store(Device device)
    {
        var store = new ParameterStore();
        for (int i = 0; i < Shapes.Length; i++)
            store.Add(0, $"parameter {i}", Shapes[i], static (values, _, _) => values.Clear());
        store.Allocate(device, training: true);
        store.Initialize(seed: 1);
        return store;
    }

    private static float[] Values(Shape shape, int parameter)
    {
        float[] values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)Philox.Uniform(5, 0, (uint)parameter, i) - 0.3f;
        return values;
    }
}
