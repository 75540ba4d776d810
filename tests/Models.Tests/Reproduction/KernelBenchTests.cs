using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

public sealed class KernelBenchTests
{
    [Fact]
    public void Measure_EveryKernelOnTheCpu_HasATimeAndTheWorkOfItsLargestLaunch()
    {
        string[] models = ["mix", "uniter-roformer"];
        using var device = new CpuDevice(threads: 1);
        var result = KernelBench.Measure(device, new([.. Catalog.Kernels], "micro", models, EachModel: false, [], StepLaunch.AllValues, TimeSpan.Zero), IProgressSink.None, CancellationToken.None);
        Assert.Equal(Catalog.Kernels.Where(static kernel => kernel.HasTwin).Select(static kernel => kernel.Entry), result.Kernels.Select(static kernel => kernel.Entry));
        Assert.All(result.Kernels, static kernel => Assert.InRange(kernel.Microseconds.P10, 1e-9, kernel.Microseconds.Median));
        Assert.All(result.Kernels, kernel => Assert.Equal(result.Rates.FloorMicroseconds(new KernelCost(kernel.Flops, kernel.Bytes)) / kernel.Microseconds.Median, kernel.ShareOfFloor));
        var largest = StepLaunch.Largest("micro", models, [], [ElementType.Float32]).ToDictionary(static pair => pair.Key.Entry, static pair => pair.Value);
        foreach (var kernel in result.Kernels)
        {
            Assert.Equal(largest.TryGetValue(kernel.Entry, out var launch), kernel.IsOfStep);
            if (launch is not null)
                Assert.Equal(($"{launch.Step}, batch 4", launch.Launch.Cost.Bytes), (kernel.Launch, kernel.Bytes));
        }
        Assert.InRange(largest["adam_f32"].Launch.Cost.Bytes, 1e6, 1e8);
        Assert.Equal("uniter-roformer finetune", largest["attention_forward_f32"].Step.ToString());
        Assert.Contains(result.Kernels, static kernel => kernel is { Entry: "matmul_f32", IsOfStep: false });
    }

    [Fact]
    public void Measure_EachModel_TimesTheKernelOnceForEachThatLaunchesIt()
    {
        using var device = new CpuDevice(threads: 1);
        Kernel[] kernels = [.. Catalog.Kernels.Where(static kernel => kernel.Entry is "attention_forward_f32" or "sigmoid_gate_forward_f32" or "sigmoid_forward_f32")];
        var result = KernelBench.Measure(device, new(kernels, "micro", ["mix", "uniter"], EachModel: true, ["pretrain.batch=3", "finetune.batch=1"], StepLaunch.AllValues, TimeSpan.Zero),
            IProgressSink.None, CancellationToken.None);
        Assert.Equal(
        [
            ("attention_forward_f32", "mix pretrain, batch 3"), ("attention_forward_f32", "uniter pretrain, batch 3"), ("sigmoid_gate_forward_f32", "mix pretrain, batch 3"),
        ], result.Kernels.Where(static kernel => kernel.IsOfStep).Select(static kernel => (kernel.Entry, kernel.Launch)).Order());
        Assert.Equal("sigmoid_forward_f32", Assert.Single(result.Kernels, static kernel => !kernel.IsOfStep).Entry);
    }
}
