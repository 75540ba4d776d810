using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Optimizers;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Optimizers;

public sealed unsafe class AdamTests : IDisposable
{
    private const double Epsilon = 1e-8 / 4;

    private readonly CpuDevice _device = new(threads: 2);
    private readonly ParameterStore _store = new();
    private readonly Parameter _encoder, _head;
    private readonly Adam _adam;
    private readonly Arena _scalars;
    private readonly Tensor _scalarTensor;

    public AdamTests()
    {
        _encoder = _store.Add(0, "encoder.weight", new Shape(70, 61), static (values, _, uniform) => Fill(values, uniform));
        _head = _store.Add(1, "head.bias", new Shape(19), static (values, _, uniform) => Fill(values, uniform));
        _store.Allocate(_device, training: true);
        _store.Initialize(seed: 3);
        _adam = new Adam(_device, _store, Epsilon);
        _scalars = new Arena(_device, Arena.Alignment);
        _scalarTensor = _scalars.Allocate(new Shape(sizeof(StepScalars) / sizeof(int)), ElementType.Int32);
    }

    public void Dispose()
    {
        _scalars.Dispose();
        _adam.Dispose();
        _store.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void Update_ManySteps_FollowsTheFormulaInFloat64()
    {
        double[] rates = [1e-3, 1e-2];
        var (w, m, v) = (ToDouble(_head.Value), new double[19], new double[19]);
        for (int step = 0; step < 50; step++)
        {
            double[] gradient = SetGradients(step);
            Update(step, rates);
            double t = step + 1, rate = rates[1] * Math.Sqrt(1 - Math.Pow(0.999, t)) / (1 - Math.Pow(0.9, t));
            for (int i = 0; i < w.Length; i++)
            {
                m[i] = 0.9 * m[i] + 0.1 * gradient[i];
                v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i];
                w[i] -= rate * m[i] / (Math.Sqrt(v[i]) + Epsilon);
            }
        }
        // Weights of size 1 take 50 steps of about 0.01, each rounded to half a unit in the last place and off by a few units of the step.
        double[] actual = ToDouble(_head.Value);
        for (int i = 0; i < w.Length; i++)
            Assert.Equal(w[i], actual[i], 50 * (6e-8 + 4 * 6e-8 * 0.01));
    }

    [Fact]
    public void Update_RateOfOneGroupIsZero_LeavesItsWeightsAlone()
    {
        double[] before = ToDouble(_encoder.Value);
        SetGradients(0);
        Update(0, [0, 1e-2]);
        Assert.Equal(before, ToDouble(_encoder.Value));
        Assert.NotEqual(0, ToDouble(_adam.FirstMoment)[0]);
    }

    [Fact]
    public void WriteRates_FirstStep_CorrectsTheBias()
    {
        var scalars = new StepScalars { Step = 9 };
        scalars.Rates[3] = 5;
        _adam.WriteRates(ref scalars, step: 0, [2, 3]);
        double correction = Math.Sqrt(0.001) / 0.1;
        Assert.Equal((float)(2 * correction), scalars.Rates[0], 1e-6f);
        Assert.Equal((float)(3 * correction), scalars.Rates[1], 1e-6f);
        Assert.Equal(0, scalars.Rates[3]);
        Assert.Equal(9u, scalars.Step);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void FindNonFinite_BadGradients_NamesTheFirstStepAndElement(float bad)
    {
        SetGradients(0);
        Update(0, [1e-3, 1e-3]);
        Assert.Null(_adam.FindNonFinite());

        // In the second chunk at step 1; from step 2 on also before it, and in the first chunk.
        SetGradients(1);
        SetGradient(_head, 5, bad);
        Update(1, [1e-3, 1e-3]);
        SetGradient(_head, 2, bad);
        SetGradient(_encoder, 7, bad);
        Update(2, [1e-3, 1e-3]);

        var found = Assert.NotNull(_adam.FindNonFinite());
        Assert.True(_head.Offset > ParameterBlock.ChunkElements);
        Assert.Equal(new NonFiniteGradient(1, _head.Offset + 5), found);
        Assert.Equal("head.bias", _store.NameAt(found.Element));

        _adam.Reset();
        Assert.Null(_adam.FindNonFinite());
        Assert.All(ToDouble(_adam.FirstMoment), static value => Assert.Equal(0, value));
    }

    [Fact]
    public void Constructor_ParametersWithoutGradients_Throws()
    {
        using var store = new ParameterStore();
        store.Add(0, "weight", new Shape(3), static (values, _, uniform) => Fill(values, uniform));
        store.Allocate(_device, training: false);
        Assert.Throws<InvalidOperationException>(() => new Adam(_device, store, Epsilon));
    }

    private static void Fill(Span<float> values, Func<long, double> uniform)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(2 * uniform(i) - 1);
    }

    private void Update(int step, double[] rates)
    {
        var scalars = new StepScalars { Step = (uint)step };
        _adam.WriteRates(ref scalars, step, rates);
        _device.Upload(MemoryMarshal.AsBytes(new Span<StepScalars>(ref scalars)), _scalarTensor.Address);
        _adam.Update(_device.Stream, (StepScalars*)_scalarTensor.Address);
    }

    // Fills all gradients with values of a step; returns those of the head.
    private double[] SetGradients(int step)
    {
        float[] values = new float[_store.FlatCount];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)Philox.Uniform(7, (uint)step, 0, i) - 0.4f;
        _device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), _store.Gradients.Address);
        return ToDouble(_head.Gradient);
    }

    private void SetGradient(Parameter parameter, int element, float value) =>
        _device.Upload(MemoryMarshal.AsBytes(new Span<float>(ref value)), parameter.Gradient.Address + element * sizeof(float));

    private double[] ToDouble(Tensor tensor)
    {
        float[] values = new float[tensor.Shape.Count];
        _device.Download(tensor.Address, MemoryMarshal.AsBytes(values.AsSpan()));
        return Array.ConvertAll(values, static value => (double)value);
    }
}
