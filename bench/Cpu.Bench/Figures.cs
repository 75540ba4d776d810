using System.Globalization;
using BenchmarkDotNet.Analysers;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Validators;
using VideoSim.Engine.Benchmarks;

namespace VideoSim.Cpu.Bench;

/// <summary>What a subject's time means.</summary>
/// <param name="Rate">Work a second by the median time, in the subject's unit; 0 if it has none.</param>
/// <param name="ShareOfCeiling">The rate over its ceiling; null if it has none, or none was measured.</param>
/// <param name="Others">Cores that other programs used meanwhile; null if the system does not tell.</param>
internal sealed record Figure(double Rate, double? ShareOfCeiling, double? Others)
{
    /// <summary>Whether other programs used so much that the figure is not to be trusted.</summary>
    public bool IsDisturbed => Others > MachineLoad.MostOthers;
}

/// <summary>Computes a figure for each subject, right after it has run.</summary>
internal sealed class Figures : IDiagnoser
{
    private readonly Dictionary<BenchmarkCase, Figure> _figures = [];
    private readonly Dictionary<(Ceiling, int Threads), double> _ceilings = [];
    private readonly MachineLoad? _programBegin = MachineLoad.Now();
    private MachineLoad? _begin;
    private double? _others;

    public IEnumerable<string> Ids => [nameof(Figures)];

    public IEnumerable<IExporter> Exporters => [];

    public IEnumerable<IAnalyser> Analysers => [];

    /// <summary>The figure of a subject; null if it has not run.</summary>
    public Figure? Of(BenchmarkCase run) => _figures.GetValueOrDefault(run);

    /// <summary>The subject of a run.</summary>
    public static Subject SubjectOf(BenchmarkCase run) => (Subject)run.Parameters[nameof(Group.Subject)];

    /// <summary>The number of threads of a run.</summary>
    public static int ThreadsOf(BenchmarkCase run) => (int)run.Parameters[nameof(Group.Threads)];

    public RunMode GetRunMode(BenchmarkCase benchmarkCase) => RunMode.NoOverhead;

    public void Handle(HostSignal signal, DiagnoserActionParameters parameters)
    {
        if (signal == HostSignal.BeforeActualRun)
            _begin = MachineLoad.Now();
        else if (signal == HostSignal.AfterActualRun)
            _others = MachineLoad.OthersBetween(_begin, MachineLoad.Now());
    }

    public IEnumerable<Metric> ProcessResults(DiagnoserResults results)
    {
        var subject = SubjectOf(results.BenchmarkCase);
        int threads = ThreadsOf(results.BenchmarkCase);
        double[] seconds = [.. results.Measurements
            .Where(static measured => measured.IterationMode == IterationMode.Workload && measured.IterationStage == IterationStage.Actual)
            .Select(static measured => 1e-9 * measured.GetAverageTime().Nanoseconds).Order()];
        if (seconds.Length == 0)
            return [];
        if (subject is CeilingSubject)
            _ceilings[(subject.Ceiling, threads)] = subject.Amount / seconds[0];
        double rate = subject.Amount / seconds[seconds.Length / 2];
        _figures[results.BenchmarkCase] = new Figure(rate, _ceilings.TryGetValue((subject.Ceiling, threads), out double ceiling) ? rate / ceiling : null, _others);
        return [];
    }

    /// <summary>The lines below the table: mean of the encoder's products, and load of other programs.</summary>
    public void DisplayResults(ILogger logger)
    {
        var shares = from pair in _figures
                     where SubjectOf(pair.Key) is Product { IsOfEncoder: true }
                     group pair.Value.ShareOfCeiling ?? double.NaN by ThreadsOf(pair.Key);
        foreach (var ofThreads in shares)
        {
            logger.WriteLineResult(string.Create(CultureInfo.InvariantCulture,
                $"encoder, {ofThreads.Key} threads: the geometric mean of {ofThreads.Count()} products is {100 * Math.Exp(ofThreads.Average(Math.Log)):F1} % of the multiply-adds"));
        }
        if (MachineLoad.OthersBetween(_programBegin, MachineLoad.Now()) is { } others)
        {
            logger.WriteLineResult(string.Create(CultureInfo.InvariantCulture,
                $"other programs used {others:F2} of {Environment.ProcessorCount} cores; {_figures.Values.Count(static figure => figure.IsDisturbed)} of {_figures.Count} figures are not to be trusted"));
        }
    }

    public IEnumerable<ValidationError> Validate(ValidationParameters validationParameters) => [];
}
