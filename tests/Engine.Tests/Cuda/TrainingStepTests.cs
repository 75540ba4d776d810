using VideoSim.Engine.Devices;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>One layer trains through our driver bindings and comes out as on the CPU.</summary>
[Collection(CudaMachine.Collection)]
public sealed class TrainingStepTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Train_OneLayerOnTheCpu_FollowsFloat64(bool planned)
    {
        using var device = new CpuDevice(threads: 2);
        AssertFollowsFloat64(Train(device, planned));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Train_OneLayerOnCuda_FollowsFloat64AndTheCpu(bool planned)
    {
        using var device = CudaMachine.Open();
        var results = Train(device, planned);
        AssertFollowsFloat64(results);

        using var cpu = new CpuDevice(threads: 1);
        var bounds = Bounds();
        foreach (var (name, values) in Train(cpu, planned: false))
            Assert.InRange(values.Zip(results[name], static (a, b) => Math.Abs((double)a - b)).Max(), 0, 2 * bounds[name]);
    }

    [Fact]
    public void Train_OneLayerOnCuda_GivesTheSameBitsEagerPlannedAndAgain()
    {
        using var device = CudaMachine.Open();
        var eager = Train(device, planned: false);
        foreach (var results in new[] { Train(device, planned: true), Train(device, planned: true), Train(device, planned: false) })
            Assert.All(results, pair => Assert.Equal(eager[pair.Key], pair.Value));
    }

    [Fact]
    public void Train_OneLayerWithDecayAndLimit_FollowsFloat64OnTheCpuAndCuda()
    {
        const double decay = 0.5, limit = 10;
        using var cpu = new CpuDevice(threads: 2);
        using var cuda = CudaMachine.Open();
        foreach (var device in new Device[] { cpu, cuda })
        {
            using var layer = new OneLayer(device, decay, limit);
            AssertFollowsFloat64(layer.Train(planned: true), decay, limit);
        }
        // Without the limit or without the decay, results are others.
        var truth = OneLayer.Reference<double>(out _, out _, decay, limit);
        Assert.NotEqual(truth["weight"], OneLayer.Reference<double>(out _, out _, decay)["weight"]);
        Assert.NotEqual(truth["table"], OneLayer.Reference<double>(out _, out _, limit: limit)["table"]);
    }

    [Fact]
    public void Train_OneLayer_LowersTheLoss()
    {
        OneLayer.Reference(out double first, out double last);
        Assert.InRange(last, 0, 0.8 * first);
    }

    private static IReadOnlyDictionary<string, float[]> Train(Device device, bool planned)
    {
        using var layer = new OneLayer(device);
        return layer.Train(planned);
    }

    private static void AssertFollowsFloat64(IReadOnlyDictionary<string, float[]> results, double decay = 0, double limit = 0)
    {
        var truth = OneLayer.Reference<double>(out _, out _, decay, limit);
        var bounds = Bounds(decay, limit);
        Assert.Equal(truth.Keys.Order(), results.Keys.Order());
        foreach (var (name, values) in results)
        {
            double error = values.Zip(truth[name], static (a, b) => Math.Abs(a - b)).Max();
            Assert.True(error <= bounds[name], $"{name}: error {error:E2}, bound {bounds[name]:E2}");
        }
    }

    // The bound of kernels, for a whole training: 3 times the error of the plain formulas in fp32, plus one unit in
    // the last place.
    private static Dictionary<string, double> Bounds(double decay = 0, double limit = 0)
    {
        var truth = OneLayer.Reference<double>(out _, out _, decay, limit);
        var plain = OneLayer.Reference<float>(out _, out _, decay, limit);
        return truth.Keys.ToDictionary(static name => name, name =>
        {
            float largest = (float)truth[name].Max(Math.Abs);
            return 3 * truth[name].Zip(plain[name], static (a, b) => Math.Abs(a - b)).Max() + (MathF.BitIncrement(largest) - largest);
        });
    }
}
