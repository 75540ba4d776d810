using System.Runtime.InteropServices;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Reproduction;

/// <summary>One kernel, timed alone.</summary>
/// <param name="Family">What it is one of.</param>
/// <param name="Entry">Its name.</param>
/// <param name="IsOfStep">Whether a model's training step has the launch; otherwise it is the largest of its checks.</param>
/// <param name="Launch">The step and its batch, or the case of the checks.</param>
/// <param name="Microseconds">Of one launch.</param>
/// <param name="Flops">Floating-point operations.</param>
/// <param name="Bytes">Bytes that it moves by design.</param>
/// <param name="FloorMicroseconds">The least time that the device's measured rates allow.</param>
public sealed record BenchedKernel(string Family, string Entry, bool IsOfStep, string Launch, SampledTime Microseconds, double Flops, double Bytes, double FloorMicroseconds)
{
    /// <summary>Bytes over the median time, in 10^9 a second.</summary>
    public double GigabytesPerSecond => Bytes / Microseconds.Median / 1e3;

    /// <summary>Floor over median time: 1 cannot be beaten but by data that were in a cache already.</summary>
    public double ShareOfFloor => FloorMicroseconds / Microseconds.Median;
}

/// <summary>What <c>kernels bench</c> measured.</summary>
/// <param name="Rates">Of the device.</param>
/// <param name="IsCold">Whether the cache was flushed before every launch.</param>
/// <param name="Kernels">In order of the catalog.</param>
public sealed record KernelBenchResult(DeviceRates Rates, bool IsCold, IReadOnlyList<BenchedKernel> Kernels);

/// <summary>What <c>kernels bench</c> is to do.</summary>
/// <param name="Kernels">What to time; those that cannot run on the device are left out.</param>
/// <param name="Preset">Sizes of the models.</param>
/// <param name="Models">Canonical names of the models whose steps are looked at.</param>
/// <param name="EachModel">Time every model's own largest launch, not only the largest of all.</param>
/// <param name="Overrides"><c>key=value</c> overrides of the preset.</param>
/// <param name="Values">How those steps may store activations; the CPU knows fp32 alone.</param>
/// <param name="Limit">Time for one kernel; ten launches are timed however long they take.</param>
public sealed record KernelBenchOptions(IReadOnlyList<Kernel> Kernels, string Preset, IReadOnlyList<string> Models, bool EachModel, IReadOnlyList<string> Overrides,
    IReadOnlyList<ElementType> Values, TimeSpan Limit);

/// <summary>
/// Times kernels one by one, on the arguments of their largest launch in the models' training steps: no kernel needs code of its own to
/// be timed. What no model launches runs on the largest case of its checks.
/// </summary>
public sealed class KernelBench
{
    private readonly Device _device;
    private readonly LaunchClock _clock;
    private readonly SyntheticBatches _batches;
    private readonly KernelBenchOptions _options;
    private readonly IProgressSink _progress;
    private readonly CancellationToken _cancellation;
    private readonly List<(Kernel Kernel, BenchedKernel Result)> _benched = [];
    private readonly DeviceRates _rates;

    private KernelBench(Device device, KernelBenchOptions options, LaunchClock clock, SyntheticBatches batches, IProgressSink progress, CancellationToken cancellation)
    {
        (_device, _options, _clock, _batches, _progress, _cancellation) = (device, options, clock, batches, progress, cancellation);
        _rates = DeviceRates.Measure(device, clock, cancellation);
    }

    /// <summary>Times kernels. One model at a time is built on the device, for the kernels that it launches at their largest.</summary>
    /// <param name="device">Where.</param>
    /// <param name="options">What.</param>
    /// <param name="progress">Where progress goes.</param>
    /// <param name="cancellation">Stops between launches.</param>
    public static KernelBenchResult Measure(Device device, KernelBenchOptions options, IProgressSink progress, CancellationToken cancellation)
    {
        Kernel[] wanted = [.. options.Kernels.Where(kernel => device is CudaDevice ? kernel.Source is not null : kernel.HasTwin)];
        ElementType[] values = [.. options.Values.Where(values => values == ElementType.Float32 || device.HasBFloat16)];
        var launches = (options.EachModel ? options.Models.Select(static model => new[] { model }) : [[.. options.Models]])
            .SelectMany(models => StepLaunch.Largest(options.Preset, models, options.Overrides, values)).Where(pair => wanted.Contains(pair.Key)).ToList();
        using var clock = LaunchClock.Of(device);
        using var batches = new SyntheticBatches();
        var bench = new KernelBench(device, options, clock, batches, progress, cancellation);
        foreach (var step in launches.GroupBy(static pair => pair.Value.Step))
            bench.MeasureStep(step.Key, step.Select(static pair => (pair.Key, pair.Value.Launch.Cost)));
        foreach (var kernel in wanted.Except(launches.Select(static pair => pair.Key)))
            bench.MeasureCheck(kernel);
        return new KernelBenchResult(bench._rates, clock.IsCold, [.. bench._benched.OrderBy(pair => Array.IndexOf(wanted, pair.Kernel)).Select(static pair => pair.Result)]);
    }

    // Every kernel from the step's begin: what the timed launches did to their own results is gone with the next.
    private void MeasureStep(StepKind step, IEnumerable<(Kernel Kernel, KernelCost Cost)> launches)
    {
        _progress.Note($"{step}: {launches.Count()} kernels");
        var sizes = SyntheticBatches.Sizes(_options.Preset, step.Model, _options.Overrides);
        using var built = new BuiltStep(_device, sizes, step.Pretraining, step.Values);
        _batches.Fill(built, sizes.Model);
        foreach (var (kernel, cost) in launches)
        {
            using var one = OneLaunchOf(kernel, cost.Bytes);
            built.Step.Replay(one);
            Add(kernel, one, cost, isOfStep: true, $"{step}, batch {built.Training.Batch}");
        }
        built.Step.Run();
        RequireFinite(built, step);
    }

    private void MeasureCheck(Kernel kernel)
    {
        var cases = Catalog.All.Where(check => check.Kernel == kernel).SelectMany(static check => check.Cases());
        var (largest, cost) = cases.Select(check => (Case: check, Cost: CostIn(check, kernel))).MaxBy(static pair => pair.Cost.Bytes);
        using var one = OneLaunchOf(kernel, cost.Bytes);
        CheckRunner.Execute(_device, largest, one);
        Add(kernel, one, cost, isOfStep: false, largest.Name);
    }

    private static KernelCost CostIn(CheckCase check, Kernel kernel)
    {
        using var host = new CpuDevice(threads: 1);
        using var counting = new CountingStream();
        CheckRunner.Execute(host, check, counting);
        return counting.InOrder.Where(launch => launch.Kernel == kernel).Select(static launch => launch.Cost).DefaultIfEmpty().MaxBy(static cost => cost.Bytes);
    }

    private OneLaunch OneLaunchOf(Kernel kernel, double bytes) => new(_device.Stream, kernel, bytes, call => _clock.Sample(call, _options.Limit, _cancellation));

    private void Add(Kernel kernel, OneLaunch one, in KernelCost cost, bool isOfStep, string launch) => _benched.Add((kernel, new BenchedKernel(kernel.Family, kernel.Entry, isOfStep, launch,
        one.Time ?? throw new InvalidOperationException($"{kernel} was not launched by {launch}"), cost.Flops, cost.Bytes, _rates.FloorMicroseconds(cost))));

    // What was timed was a step's work only if the step works.
    private void RequireFinite(BuiltStep built, StepKind step)
    {
        var terms = built.Step.Result.Terms;
        var value = new float[1];
        for (int i = 0; i < terms.Terms.Count; i++)
        {
            _device.Download(terms[i].Address, MemoryMarshal.AsBytes(value.AsSpan()));
            if (!float.IsFinite(value[0]))
                throw new InvalidOperationException($"{terms.Terms[i].Name} of {step} is {value[0]}: its kernels worked on nonsense");
        }
    }
}
