using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Tensors;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Optimizers;

/// <summary>
/// Optimizers on a matrix of three weights and a vector of one group, and one weight of another, whose rate is half as
/// large.
/// </summary>
public sealed unsafe class OptimizerTests : IDisposable
{
    private const double Rate = 0.1, Momentum = 0.9, Decay = 0.5, Epsilon = 1e-12;
    private const double Unit = 1.0 / (1 << 24); // relative error of one rounding

    private static readonly float[] Weights = [1, -2, 0.5f];
    private static readonly float[][] Gradients = [[0.5f, -1, 2], [0.25f, 0.75f, -0.5f], [-1, 0.5f, 0.125f]];

    // torch.optim's formulas in float64 after each step:
    //   SGD    b = momentum b + g,  w -= rate b
    //   AdamW  w *= 1 - rate decay,  w -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
    private static readonly double[][] ByMomentum = [[0.95, -1.9, 0.3], [0.88, -1.885, 0.17], [0.917, -1.9215, 0.0405]];
    private static readonly double[][] Plain = [[0.95, -1.9, 0.3], [0.925, -1.975, 0.35], [1.025, -2.025, 0.3375]];
    private static readonly double[][] ByAdam =
        [[0.9000000000002, -1.9000000000001, 0.40000000000005], [0.8067820361192956, -1.891067499259579, 0.35305318287929344], [0.8274177388391067, -1.9083989576329665, 0.3129597941594875]];
    private static readonly double[][] ByAdamWithDecay =
        [[0.8500000000001999, -1.8000000000001, 0.37500000000004996], [0.7142820361192854, -1.7010674992595738, 0.30930318287929087], [0.6992036370331323, -1.6333455826699825, 0.25374463501552036]];

    private static readonly Dictionary<string, (Func<Device, ParameterStore, Optimizer> Make, double[][] Expected)> Optimizers = new()
    {
        ["sgd with momentum"] = (static (device, store) => new Sgd(device, store, Momentum), ByMomentum),
        ["sgd"] = (static (device, store) => new Sgd(device, store), Plain),
        ["adam"] = (static (device, store) => new Adam(device, store, Epsilon), ByAdam),
        ["adam with decay"] = (static (device, store) => new Adam(device, store, Epsilon, [Decay, 0]), ByAdamWithDecay),
    };

    private readonly CpuDevice _device = new(threads: 1);
    private readonly ParameterStore _store = new();
    private readonly Parameter _vector, _weights, _other;
    private readonly Arena _arena;
    private readonly Tensor _scalars;

    public OptimizerTests()
    {
        _vector = _store.Add(0, "vector", new Shape(3), static (values, _, _) => Weights.CopyTo(values));
        _weights = _store.Add(0, "weights", new Shape(1, 3), static (values, _, _) => Weights.CopyTo(values));
        _other = _store.Add(1, "other", new Shape(1), static (values, _, _) => values.Fill(3));
        _store.Allocate(_device, training: true, ElementType.BFloat16);
        _store.Initialize(seed: 1);
        _arena = new Arena(_device, Arena.Alignment);
        _scalars = _arena.Allocate(new Shape(sizeof(StepScalars) / sizeof(int)), ElementType.Int32);
    }

    public static TheoryData<string> Names => [.. Optimizers.Keys];

    public void Dispose()
    {
        _arena.Dispose();
        _store.Dispose();
        _device.Dispose();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Update_ThreeSteps_FollowsPyTorch(string name)
    {
        using var optimizer = Optimizers[name].Make(_device, _store);
        for (int step = 0; step < Gradients.Length; step++)
        {
            Update(optimizer, step, Gradients[step]);
            float[] actual = TensorValues.Read(_device, _weights.Value);
            for (int i = 0; i < actual.Length; i++)
            {
                // A step rounds a weight of at most 2 once for the decay and once for the rest, which is off by a few
                // units itself.
                Assert.Equal(Optimizers[name].Expected[step][i], actual[i], (step + 1) * (2 * 2 + 4 * Rate) * Unit);
            }
            Assert.Equal(actual.Select(BFloat16.Round), TensorValues.Read(_device, _weights.Copy));
            // Vectors do not decay.
            double[][] expected = name == "adam with decay" ? ByAdam : Optimizers[name].Expected;
            float[] vector = TensorValues.Read(_device, _vector.Value);
            for (int i = 0; i < vector.Length; i++)
                Assert.Equal(expected[step][i], vector[i], (step + 1) * (2 * 2 + 4 * Rate) * Unit);
        }
        Assert.Equal([3f], TensorValues.Read(_device, _other.Value)); // its gradients are 0, and so is its decay
        Assert.Null(optimizer.FindNonFinite());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Update_TwoGroups_HaveTheirOwnRates(string name)
    {
        using var optimizer = Optimizers[name].Make(_device, _store);
        Update(optimizer, 0, [0, 0, 0], other: 4);
        double step = optimizer is Sgd ? Rate / 2 * 4 : Rate / 2; // Adam's first step has the length of the rate
        Assert.Equal(3 - step, TensorValues.Read(_device, _other.Value)[0], 3 * 3 * Unit);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Reset_AfterSomeSteps_BeginsAnew(string name)
    {
        using var optimizer = Optimizers[name].Make(_device, _store);
        Update(optimizer, 0, Gradients[0]);
        float[] first = TensorValues.Read(_device, _weights.Value);
        Update(optimizer, 1, [1, float.NaN, 1]);
        Assert.Equal(new NonFiniteGradient(1, 1), optimizer.FindNonFinite());
        optimizer.Reset();
        _store.Initialize(seed: 1);
        Update(optimizer, 0, Gradients[0]);
        Assert.Equal(first, TensorValues.Read(_device, _weights.Value));
        Assert.Null(optimizer.FindNonFinite());
    }

    [Fact]
    public void Constructor_DecaysOfOtherGroups_Throws() =>
        Assert.Equal("1 weight decays were given for 2 groups of parameters", Assert.Throws<ArgumentException>(() => new Adam(_device, _store, Epsilon, [Decay])).Message);

    // The norm of twice 3, 4 and once 12 is sqrt(2 * 25 + 144). It is limited to 1, and is then 1 / (1 + 1e-6 / norm).
    [Theory]
    [InlineData(0, 1)]
    [InlineData(13.93, 1)]
    [InlineData(1, 0.0717958)]
    public void Update_LimitedNorm_MultipliesTheGradient(double limit, double factor)
    {
        using var optimizer = new Sgd(_device, _store, maxGradientNorm: limit);
        Update(optimizer, 0, [3, 0, 4], other: 12);
        double norm = Math.Sqrt(2 * (3 * 3 + 4 * 4) + 12 * 12);
        Assert.Equal(norm, optimizer.GradientNorm(), 2 * norm * Unit);
        if (factor < 1)
            Assert.Equal(limit / (norm + 1e-6), factor, 1e-7);
        float[] actual = TensorValues.Read(_device, _weights.Value);
        Assert.Equal(1 - Rate * factor * 3, actual[0], 1e-6);
        Assert.Equal(-2, actual[1]);
        Assert.Equal(0.5 - Rate * factor * 4, actual[2], 1e-6);
        Assert.Equal(3 - Rate / 2 * factor * 12, TensorValues.Read(_device, _other.Value)[0], 1e-6);
    }

    [Fact]
    public void Update_LimitThatIsNotReached_GivesTheBitsOfNoLimit()
    {
        var bits = new List<float[]>();
        foreach (double limit in new[] { 0, 1e6 })
        {
            _store.Initialize(seed: 1);
            using var optimizer = new Adam(_device, _store, Epsilon, maxGradientNorm: limit);
            for (int step = 0; step < Gradients.Length; step++)
                Update(optimizer, step, Gradients[step], other: 0.3f);
            bits.Add([.. TensorValues.Read(_device, _store.Weights), optimizer.GradientNorm()]);
        }
        Assert.Equal(bits[0], bits[1]);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Update_LimitedNormAndABadGradient_NamesIt(float bad)
    {
        using var optimizer = new Adam(_device, _store, Epsilon, maxGradientNorm: 1);
        Update(optimizer, 0, [1, bad, 1]);
        Assert.Equal("weights", _store.NameAt(optimizer.FindNonFinite()!.Value.Element));
        Assert.False(float.IsFinite(optimizer.GradientNorm()));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(1e39)]
    public void Constructor_BadLimit_Throws(double limit) =>
        Assert.StartsWith($"the largest norm of the gradient must be at least 0 and finite in fp32, not {limit}", Assert.Throws<ArgumentOutOfRangeException>(() => new Sgd(_device, _store, maxGradientNorm: limit)).Message, StringComparison.Ordinal);

    private void Update(Optimizer optimizer, int step, float[] gradient, float other = 0)
    {
        _device.Upload(MemoryMarshal.AsBytes(gradient.AsSpan()), _vector.Gradient.Address);
        _device.Upload(MemoryMarshal.AsBytes(gradient.AsSpan()), _weights.Gradient.Address);
        _device.Upload(MemoryMarshal.AsBytes(new Span<float>(ref other)), _other.Gradient.Address);
        var scalars = new StepScalars { Step = (uint)step };
        optimizer.WriteRates(ref scalars, step, [Rate, Rate / 2]);
        _device.Upload(MemoryMarshal.AsBytes(new Span<StepScalars>(ref scalars)), _scalars.Address);
        optimizer.Update(_device.Stream, (StepScalars*)_scalars.Address);
    }
}
