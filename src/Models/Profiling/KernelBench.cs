using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;

namespace VideoSim.Models.Profiling;

/// <summary>What <c>kernels bench</c> is to do.</summary>
/// <param name="Kernels">What to time; those that cannot run on the device are left out.</param>
/// <param name="Preset">Sizes of the models.</param>
/// <param name="Models">Canonical names of the models whose steps are looked at.</param>
/// <param name="EachModel">Time every model's own largest launch, not only the largest of all.</param>
/// <param name="Overrides"><c>key=value</c> overrides of the preset.</param>
/// <param name="Precisions">How those steps may store activations; the CPU knows fp32 alone.</param>
/// <param name="Limit">Time for one kernel; ten launches are timed however long they take.</param>
public sealed record KernelBenchOptions(IReadOnlyList<Kernel> Kernels, string Preset, IReadOnlyList<string> Models, bool EachModel, IReadOnlyList<string> Overrides,
    IReadOnlyList<ElementType> Precisions, TimeSpan Limit);

/// <summary>
/// Times kernels one by one, on the arguments of their largest launch in the models' training steps: no kernel needs code of its own to
/// be timed. What no model launches runs on the largest case of its checks. An error of one kernel is a finding, and the next kernel's turn
/// comes; a device that is lost ends the bench.
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

    /// <summary>Times kernels. One model at a time is built on the device, for the kernels that it launches at their largest.</summary>
    /// <param name="device">Where.</param>
    /// <param name="options">What.</param>
    /// <param name="progress">Where progress goes.</param>
    /// <param name="cancellation">Stops between launches; the result has what was timed until then.</param>
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

    // Every kernel from the step's begin: what the timed launches did to their own results is gone with the next.
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
        var cases = Catalog.All.Where(check => check.Kernel == kernel).SelectMany(static check => check.Cases());
        var (largest, cost) = cases.Select(check => (Case: check, Cost: CostIn(check, kernel))).MaxBy(static pair => pair.Cost.MovedBytes);
        Add(clock, kernel, cost, largest.Name, isOfStep: false, isFinite: true, one => CheckRunner.Execute(_device, largest, one));
    }

    private static KernelCost CostIn(CheckCase check, Kernel kernel)
    {
        using var host = new CpuDevice(threads: 1);
        using var counting = new CountingStream();
        CheckRunner.Execute(host, check, counting);
        return counting.InOrder.Where(launch => launch.Kernel == kernel).Select(static launch => launch.Cost).DefaultIfEmpty().MaxBy(static cost => cost.MovedBytes);
    }

    private void Add(LaunchClock clock, Kernel kernel, in KernelCost cost, string launch, bool isOfStep, bool isFinite, Action<OneLaunch> run)
    {
        // A device whose rates could not be measured may have no matrix products: kernels then work on what the memory holds.
        using var one = new OneLaunch(_device.Stream, kernel, cost.MovedBytes, call => clock.Sample(call, _options.Limit, _cancellation), runsProducts: _rates is not null);
        string? error = Try($"{kernel.Entry}, {launch}", () =>
        {
            run(one);
            if (one.Time is null)
                throw new InvalidOperationException("there was no such launch");
        });
        Add(kernel, cost, launch, isOfStep, isFinite, one.Time, error);
    }

    private void Add(Kernel kernel, in KernelCost cost, string launch, bool isOfStep, bool isFinite, SampledTime? time, string? error) => _benched.Add(
        new BenchedKernel(kernel.Family, kernel.Entry, isOfStep, launch, time, cost.Flops, cost.MovedBytes, _rates?.FloorMicroseconds(cost), error, isFinite));

    // What is timed is a step's work only if the step works.
    private static void RequireFinite(BuiltStep built)
    {
        built.Step.Run();
        if (built.NonFiniteTerm() is { } term)
            throw new InvalidOperationException($"{term}: the kernels work on nonsense");
    }

    // Does a part of the work. What goes wrong is a finding, and the text of it is returned.
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
            if (!_lost) // what fails on a lost device after that says nothing new
                _findings.Add($"{what}: {message}");
            _lost = _device.IsLost;
            return message;
        }
    }
}
