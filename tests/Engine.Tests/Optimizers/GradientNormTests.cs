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

    private static double Expected => Math.Sqrt(Shapes.SelectMany(static (shape, i) => Values(shape, i)).Sum(static g => (double)g * g));

    [Fact]
    public void GradientNorm_OnTheCpu_IsThatOfFloat64WithAnyThreads()
    {
        float[] norms = [.. new[] { 1, 3, 8 }.SelectMany(static threads =>
        {
            using var device = new CpuDevice(threads);
            return Norms(device);
        })];
        Assert.All(norms, norm => Assert.Equal(norms[0], norm));
        AssertClose(norms[0]);
    }

    [Fact]
    public void GradientNorm_OnCuda_IsThatOfFloat64()
    {
        using var device = CudaMachine.Open();
        float[] norms = Norms(device);
        Assert.All(norms, norm => Assert.Equal(norms[0], norm));
        AssertClose(norms[0]);
    }

    [Fact]
    public void Step_LimitedNorm_CountsItsLaunchesAndBytes()
    {
        using var device = new CpuDevice(threads: 1);
        var (free, limited) = (Counted(device, 0), Counted(device, Limit));
        long chunks = Shapes.Sum(static shape => (shape.Count + 4095) / 4096), elements = Shapes.Sum(static shape => (shape.Count + 15) / 16 * 16);
        // The gradient is read once more. Each chunk has two entries of tables, its sum is written and read.
        Assert.Equal(4 * (elements + 3 * chunks + 3 * Shapes.Length + 4), limited.Bytes - free.Bytes);
        Assert.Equal(3, limited.Launches - free.Launches);
    }

    // With and without a limit: from the update and from a measurement of its own.
    private static float[] Norms(Device device) => [.. new[] { 0, Limit }.Select(limit =>
    {
        using var store = Store(device);
        using var sgd = new Sgd(device, store, maxGradientNorm: limit);
        foreach (var (parameter, i) in store.Parameters.Select(static (parameter, i) => (parameter, i)))
            device.Upload(MemoryMarshal.AsBytes(Values(parameter.Shape, i).AsSpan()), parameter.Gradient.Address);
        using var inputs = new StepInputs(device);
        inputs.Upload(new StepScalars());
        unsafe
        {
            sgd.Update(device.Stream, inputs.Scalars);
        }
        return sgd.GradientNorm();
    })];

    // A lane adds at most 64 squares of a chunk, and 6 more sums join the lanes. The sum of a parameter is rounded
    // once more. The root halves the relative error and is rounded itself.
    private static void AssertClose(float norm) => Assert.Equal(Expected, norm, Expected * ((64 + 6 + 1) / 2.0 + 1) / (1 << 24));

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
