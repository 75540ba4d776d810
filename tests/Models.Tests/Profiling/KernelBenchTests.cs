using VideoSim.Engine.Devices;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Profiling;
using VideoSim.Models.Progress;
using VideoSim.Models.Tests.Cuda;
using Xunit;

namespace VideoSim.Models.Tests.Profiling;

public sealed class KernelBenchTests
{
    [Fact]
    public void Measure_EveryKernelOnTheCpu_HasATimeAndTheWorkOfItsLargestLaunch()
    {
        string[] models = ["mix", "uniter-roformer"];
        using var device = new CpuDevice(threads: 1);
        var result = KernelBench.Measure(device, new([.. Catalog.Kernels], "micro", models, EachModel: false, [], ElementTypes.Precisions, TimeSpan.Zero), IProgressSink.None, CancellationToken.None);
        Assert.Equal(Catalog.Kernels.Where(static kernel => kernel.HasTwin).Select(static kernel => kernel.Entry), result.Kernels.Select(static kernel => kernel.Entry));
        Assert.True(result.Complete);
        Assert.Empty(result.Findings);
        Assert.All(result.Kernels, static kernel => Assert.True(kernel is { Error: null, IsFinite: true }));
        Assert.All(result.Kernels, static kernel => Assert.InRange(kernel.Microseconds!.Value.P10, 1e-9, kernel.Microseconds.Value.Median));
        Assert.All(result.Kernels, kernel => Assert.Equal(result.Rates!.FloorMicroseconds(new KernelCost(kernel.Flops, kernel.MovedBytes)) / kernel.Microseconds!.Value.Median, kernel.ShareOfFloor));
        var largest = StepLaunch.Largest("micro", models, [], [ElementType.Float32], device.PacksProducts).ToDictionary(static pair => pair.Key.Entry, static pair => pair.Value);
        foreach (var kernel in result.Kernels)
        {
            Assert.Equal(largest.TryGetValue(kernel.Entry, out var launch), kernel.IsOfStep);
            if (launch is not null)
                Assert.Equal(($"{launch.Step}, batch 4", launch.Launch.Cost.MovedBytes), (kernel.Launch, kernel.MovedBytes));
        }
        Assert.InRange(largest["adam_f32"].Launch.Cost.MovedBytes, 1e6, 1e8);
        Assert.Equal("uniter-roformer finetune", largest["attention_forward_f32"].Step.ToString());
        Assert.Contains(result.Kernels, static kernel => kernel is { Entry: "matmul", IsOfStep: true });
    }

    [Fact]
    public void Measure_EachModel_TimesTheKernelOnceForEachThatLaunchesIt()
    {
        using var device = new CpuDevice(threads: 1);
        Kernel[] kernels = [.. Catalog.Kernels.Where(static kernel => kernel.Entry is "attention_forward_f32" or "sigmoid_gate_forward_f32" or "sigmoid_forward_f32")];
        var result = KernelBench.Measure(device, new(kernels, "micro", ["mix", "uniter"], EachModel: true, ["pretrain.batch=3", "finetune.batch=1"], ElementTypes.Precisions, TimeSpan.Zero),
            IProgressSink.None, CancellationToken.None);
        Assert.Equal(
        [
            ("attention_forward_f32", "mix pretrain, batch 3"), ("attention_forward_f32", "uniter pretrain, batch 3"), ("sigmoid_gate_forward_f32", "mix pretrain, batch 3"),
        ], result.Kernels.Where(static kernel => kernel.IsOfStep).Select(static kernel => (kernel.Entry, kernel.Launch)).Order());
        Assert.Equal("sigmoid_forward_f32", Assert.Single(result.Kernels, static kernel => !kernel.IsOfStep).Entry);
    }

    [Fact]
    public void Measure_ErrorOfOneKernel_IsThatKernelsAndTheOthersAreTimed()
    {
        using var device = new CpuDevice(threads: 1);
        var result = Measure(new Redirected(device, new FaultyStream(device.Stream) { Refused = "adam_f32" }), "tanh_forward_f32", "sigmoid_forward_f32", "adam_f32");
        Assert.True(result.Complete);
        Assert.Equal([("tanh_forward_f32", null, true), ("sigmoid_forward_f32", null, true), ("adam_f32", Refusal, false)],
            result.Kernels.Select(static kernel => (kernel.Entry, kernel.Error, kernel.Microseconds is not null)));
        Assert.Equal(["adam_f32, mix pretrain, batch 4: not on this device", "mix finetune, batch 4: not on this device", "mix pretrain, batch 4: not on this device"], result.Findings.Order()); // Adam is in both steps
        Assert.Equal([false, true, false], result.Kernels.Select(static kernel => kernel.IsFinite));
    }

    [Fact]
    public void Measure_NoMatrixProducts_TimesKernelsWithoutFloors()
    {
        using var device = new CpuDevice(threads: 1);
        var result = Measure(new Redirected(device, new FaultyStream(device.Stream) { Products = Products.Refuse }), "tanh_forward_f32", "adam_f32");
        Assert.Equal((null, Refusal, true), (result.Rates, result.RatesError, result.Complete));
        Assert.Equal(2, result.Kernels.Count);
        Assert.All(result.Kernels, static kernel => Assert.True(kernel is { Error: null, IsFinite: false, Microseconds: not null, FloorMicroseconds: null, ShareOfFloor: null, GigabytesPerSecond: > 0 }));
        Assert.Equal([$"the device's rates: {Refusal}", $"mix finetune, batch 4: {Refusal}", $"mix pretrain, batch 4: {Refusal}"], result.Findings);
    }

    // Products that do nothing leave NaN, of which new memory is full.
    [Fact]
    public void Measure_LossThatIsNotFinite_IsNotedAndTheKernelsAreTimed()
    {
        using var device = new CpuDevice(threads: 1);
        var result = Measure(new Redirected(device, new FaultyStream(device.Stream) { Products = Products.Omit }), "tanh_forward_f32", "adam_f32", "sigmoid_forward_f32");
        Assert.True(result.Complete && result.Rates is not null);
        Assert.Equal([("tanh_forward_f32", false), ("sigmoid_forward_f32", true), ("adam_f32", false)], result.Kernels.Select(static kernel => (kernel.Entry, kernel.IsFinite))); // sigmoid is in no step
        Assert.All(result.Kernels, static kernel => Assert.True(kernel is { Error: null, Microseconds: not null }));
        Assert.Equal(["mix finetune, batch 4: squared_error is NaN: the times have no meaning", "mix pretrain, batch 4: tag is NaN: the times have no meaning"], result.Findings);
    }

    [Fact]
    public void Measure_DeviceThatIsLost_EndsWithTheRowsThatThereAre()
    {
        using var device = new CpuDevice(threads: 1);
        FaultyStream? stream = null;
        int launches = 0;
        stream = new FaultyStream(device.Stream) { Refused = "adam_f32", Refuse = () => stream!.IsLost = ++launches >= FirstTimed };
        var result = Measure(new Redirected(device, stream), "tanh_forward_f32", "sigmoid_forward_f32", "adam_f32");
        Assert.False(result.Complete);
        Assert.Equal([("tanh_forward_f32", true), ("adam_f32", false)], result.Kernels.Select(static kernel => (kernel.Entry, kernel.Error is null))); // sigmoid comes after the steps
        Assert.Equal(["adam_f32, mix pretrain, batch 4: cuStreamSynchronize failed with 719 (lost)"], result.Findings);
    }

    [Fact]
    public void Measure_Stopped_KeepsWhatWasTimed()
    {
        using var device = new CpuDevice(threads: 1);
        using var stop = new CancellationTokenSource();
        int launches = 0;
        var stream = new FaultyStream(device.Stream)
        {
            Refused = "adam_f32",
            Refuse = () =>
            {
                if (++launches == FirstTimed)
                    stop.Cancel();
            },
        };
        var result = KernelBench.Measure(new Redirected(device, stream), Options("adam_f32", "sigmoid_forward_f32", "tanh_forward_f32"), IProgressSink.None, stop.Token);
        Assert.False(result.Complete);
        Assert.Equal(["tanh_forward_f32"], result.Kernels.Select(static kernel => kernel.Entry));
        Assert.Equal(["interrupted before all kernels were timed"], result.Findings);
    }

    private const string Refusal = FaultyStream.Refusal;

    // Of the launches of Adam: those of the first run of each of two steps come before it.
    private static readonly int FirstTimed = (2 * StepBenchTests.LaunchesOfUpdate) + 1;

    private static KernelBenchResult Measure(Device device, params string[] entries) => KernelBench.Measure(device, Options(entries), IProgressSink.None, TestContext.Current.CancellationToken);

    private static KernelBenchOptions Options(params string[] entries) =>
        new([.. Catalog.Kernels.Where(kernel => entries.Contains(kernel.Entry))], "micro", ["mix"], EachModel: false, [], [ElementType.Float32], TimeSpan.Zero);
}
