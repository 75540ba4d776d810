using System.Collections.Immutable;
using BenchmarkDotNet.Analysers;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Order;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using BenchmarkDotNet.Validators;
using Perfolizer.Horology;
using Perfolizer.Mathematics.OutlierDetection;

namespace VideoSim.Cpu.Bench;

/// <summary>How BenchmarkDotNet measures and what it writes.</summary>
internal static class Settings
{
    private const int WarmUps = 5, Samples = 15, SampleMilliseconds = 100;

    /// <summary>
    /// The settings. All groups share one table. Subjects run in this process: BenchmarkDotNet otherwise restores and
    /// builds a project for each run. Options of the command line change the numbers of the job.
    /// </summary>
    /// <param name="figures">Receives a figure for each subject.</param>
    public static IConfig Of(Figures figures) => ManualConfig.CreateEmpty()
        .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.DontLogOutput).WithEvaluateOverhead(false).WithOutlierMode(OutlierMode.DontRemove)
            .WithWarmupCount(WarmUps).WithIterationCount(Samples).WithIterationTime(TimeInterval.FromMilliseconds(SampleMilliseconds)).AsDefault())
        .AddDiagnoser(MemoryDiagnoser.Default, figures)
        .AddColumnProvider(DefaultColumnProviders.Params, DefaultColumnProviders.Metrics)
        .AddColumn(TargetMethodColumn.Type, StatisticColumn.Median, StatisticColumn.Q1, StatisticColumn.Q3)
        .AddColumn(FigureColumn.Of(figures))
        .AddExporter(MarkdownExporter.GitHub, new FigureExporter(figures, TimeProvider.System))
        .AddLogger(ConsoleLogger.Default)
        .AddValidator(JitOptimizationsValidator.FailOnError)
        .AddAnalyser(EnvironmentAnalyser.Default)
        .WithOrderer(new Declared())
        .WithSummaryStyle(SummaryStyle.Default.WithTimeUnit(TimeUnit.Microsecond).WithMaxParameterColumnWidth(50))
        .WithOptions(ConfigOptions.JoinSummary | ConfigOptions.DisableLogFile);

    /// <summary>Runs and shows the subjects in the order of their lists, the ceilings first.</summary>
    private sealed class Declared() : DefaultOrderer(SummaryOrderPolicy.Declared)
    {
        public override IEnumerable<BenchmarkCase> GetExecutionOrder(ImmutableArray<BenchmarkCase> benchmarkCases, IEnumerable<BenchmarkLogicalGroupRule>? order = null) => benchmarkCases;
    }
}
