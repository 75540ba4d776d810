using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Training;

namespace VideoSim.Models.Profiling;

/// <summary>Options of <c>kernels bench</c>.</summary>
/// <param name="Kernels">Kernels to time. Those that cannot run on the device are skipped.</param>
/// <param name="Preset">Sizes of the models.</param>
/// <param name="Models">Canonical names of the models whose steps have the launches.</param>
/// <param name="EachModel">Times the largest launch in every model; otherwise only the largest in all models.</param>
/// <param name="Overrides">Values that replace those of the preset.</param>
/// <param name="Precisions">Types of activations in those steps; the CPU has only fp32.</param>
/// <param name="Limit">Time for one kernel. At least ten launches are timed, even if they take longer.</param>
public sealed record KernelBenchOptions(IReadOnlyList<Kernel> Kernels, string Preset, IReadOnlyList<string> Models, bool EachModel, IReadOnlyList<Override> Overrides,
    IReadOnlyList<ElementType> Precisions, TimeSpan Limit)
{
    /// <summary>Builds of the kernels that are timed in turn; empty to time those of the device.</summary>
    public IReadOnlyList<TimedBuild> Builds { get; init; } = [];
}

/// <summary>One build of the kernels that is timed in turn with others.</summary>
/// <param name="Variant">Values of macros; empty for the defaults.</param>
/// <param name="Sources">Name of the set of sources.</param>
/// <param name="Stream">Launches the build.</param>
/// <param name="Baseline">Index of the build that it is compared with; its own for none.</param>
public sealed record TimedBuild(Variant Variant, string Sources, ComputeStream Stream, int Baseline);

/// <summary>
/// Times kernels one by one, with the arguments of their largest launch in the models' training steps. So no kernel
/// needs its own timing code. A kernel that no model launches runs on the largest case of its checks. If a kernel
/// fails, the bench records a finding and continues. If the device is lost, the bench ends.
/// </summary>
public sealed class KernelBench
{
    private readonly Device _device;
    private readonly KernelBenchOptions _options;
    private readonly IProgressSink _progress;
    private readonly CancellationToken _cancellation;
    private readonly List<BenchedKernel> _benched = [];
    private readonly List<string> _findings = [];
    private DeviceRates? _rates;
    private string? _ratesError;
    private bool _lost;

    private KernelBench(Device device, KernelBenchOptions options, IProgressSink progress, CancellationToken cancellation) =>
        (_device, _options, _progress, _cancellation) = (device, options, progress, cancellation);

    /// <summary>
    /// Times kernels. One model at a time is built on the device, to time the kernels whose largest launch it has.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="options">The options.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellation">Stops between launches. The result has the kernels that were timed before.</param>
    public static KernelBenchResult Measure(Device device, KernelBenchOptions options, IProgressSink progress, CancellationToken cancellation)
    {
        Kernel[] wanted = [.. options.Kernels.Where(kernel => device is CudaDevice ? kernel.Source is not null : kernel.HasTwin)];
        ElementType[] precisions = [.. options.Precisions.Where(precision => precision == ElementType.Float32 || device.HasBFloat16)];
        var launches = (options.EachModel ? options.Models.Select(static model => new[] { model }) : [[.. options.Models]])
            .SelectMany(models => StepLaunch.Largest(options.Preset, models, options.Overrides, precisions, device.PacksProducts)).Where(pair => wanted.Contains(pair.Key)).ToList();
        var bench = new KernelBench(device, options, progress, cancellation);
        bool complete = false, cold = false;
        try
        {
            bench.Try("the bench", () =>
            {
                using var clock = LaunchClock.Of(device);
                using var batches = new SyntheticBatches();
                cold = clock.IsCold;
                bench.MeasureRates(clock);
                foreach (var step in launches.GroupBy(static pair => pair.Value.Step).TakeWhile(_ => !bench._lost))
                    bench.MeasureStep(clock, batches, step.Key, [.. step.Select(static pair => (pair.Key, pair.Value.Launch.Cost))]);
                foreach (var kernel in wanted.Except(launches.Select(static pair => pair.Key)).TakeWhile(_ => !bench._lost))
                    bench.MeasureCheck(clock, kernel);
                complete = !bench._lost;
            });
        }
        catch (OperationCanceledException)
        {
            bench._findings.Add("interrupted before all kernels were timed");
        }
        string[] order = [.. wanted.Select(static kernel => kernel.Entry)];
        return new KernelBenchResult(bench._rates, bench._ratesError, cold, complete, [.. bench._benched.OrderBy(kernel => Array.IndexOf(order, kernel.Entry))], bench._findings);
    }

    private void MeasureRates(LaunchClock clock) => _ratesError = Try("the device's rates", () => _rates = DeviceRates.Measure(_device, clock, _cancellation));

    // The step is replayed from its beginning for every kernel. The repeated launches of one kernel then do not spoil
    // the inputs of the next.
    private void MeasureStep(LaunchClock clock, SyntheticBatches batches, StepKind step, (Kernel Kernel, KernelCost Cost)[] launches)
    {
        _progress.Note($"{step}: {launches.Length} kernels");
        string name = $"{step}";
        int done = 0;
        string? error = Try(name, () =>
        {
            var sizes = SyntheticBatches.Sizes(_options.Preset, step.Model, _options.Overrides);
            using var built = new BuiltStep(_device, sizes, step.Pretraining, step.Precision);
            name = $"{step}, batch {built.Training.Batch}";
            batches.Fill(built, sizes.Model, _cancellation);
            bool finite = Try(name, () => RequireFinite(built)) is null;
            for (; done < launches.Length && !_lost; done++)
                Add(clock, launches[done].Kernel, launches[done].Cost, name, isOfStep: true, finite, built.Step.Replay);
        });
        foreach (var (kernel, cost) in launches.Skip(done).TakeWhile(_ => !_lost))
            Add(kernel, cost, name, isOfStep: true, isFinite: false, null, error);
    }

    private void MeasureCheck(LaunchClock clock, Kernel kernel)
    {
        var largest = CheckLaunch.Largest(kernel);
        Add(clock, kernel, largest.Launch.Cost, largest.Case.Name, isOfStep: false, isFinite: true, one => CheckRunner.Execute(_device, largest.Case, one));
    }

    private void Add(LaunchClock clock, Kernel kernel, in KernelCost cost, string launch, bool isOfStep, bool isFinite, Action<OneLaunch> run)
    {
        // If the rates could not be measured, the device may not have matrix products. Then the products are not run,
        // and kernels read whatever is in memory.
        using var one = new OneLaunch(_device.Stream, kernel, cost.MovedBytes, calls => clock.SampleInTurn(calls, _options.Limit, _cancellation), runsProducts: _rates is not null,
            _options.Builds.Count == 0 ? null : [.. _options.Builds.Select(static build => build.Stream)]);
        string? error = Try($"{kernel.Entry}, {launch}", () =>
        {
            run(one);
            if (one.Times is null)
                throw new InvalidOperationException("the kernel was not launched");
        });
        if (_options.Builds.Count == 0 || one.Times is not { } times)
        {
            Add(kernel, cost, launch, isOfStep, isFinite, one.Times is { } own ? SampledTime.Of(own[0]) : null, error);
            return;
        }
        SampledTime[] medians = [.. times.Select(SampledTime.Of)];
        double best = medians.Min(static time => time.Median);
        foreach (var (i, build) in _options.Builds.Index())
        {
            Add(kernel, cost, launch, isOfStep, isFinite, medians[i], error);
            _benched[^1] = _benched[^1] with
            {
                Build = new BenchedBuild($"{build.Variant}", build.Sources, build.Baseline == i ? null : SampledRatio.Of(times[i], times[build.Baseline]), medians[i].Median == best, build.Variant.Values, one.Sizes),
            };
        }
    }

    private void Add(Kernel kernel, in KernelCost cost, string launch, bool isOfStep, bool isFinite, SampledTime? time, string? error) => _benched.Add(
        new BenchedKernel(kernel.Family, kernel.Entry, isOfStep, launch, time, cost.Flops, cost.MovedBytes, _rates?.FloorMicroseconds(cost), error, isFinite));

    // Checks that the step works. Times of kernels on values that are not finite have no meaning.
    private static void RequireFinite(BuiltStep built)
    {
        built.Step.Run();
        if (built.NonFiniteTerm() is { } term)
            throw new InvalidOperationException($"{term}: the times have no meaning");
    }

    // Runs a part of the work. A failure becomes a finding, and its message is returned.
    private string? Try(string what, Action part)
    {
        try
        {
            part();
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            string message = e.Message.ReplaceLineEndings(" ");
            if (!_lost) // further failures on a lost device have no new information
                _findings.Add($"{what}: {message}");
            _lost = _device.IsLost;
            return message;
        }
    }
}
