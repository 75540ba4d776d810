using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using VideoSim.Engine.Benchmarks;

namespace VideoSim.Cpu.Bench;

/// <summary>A column of the table that shows a part of a figure.</summary>
/// <param name="figures">The figures.</param>
/// <param name="name">Its title.</param>
/// <param name="legend">Its meaning, below the table.</param>
/// <param name="order">Its place among these columns.</param>
/// <param name="text">The text of a figure.</param>
internal sealed class FigureColumn(Figures figures, string name, string legend, int order, Func<Subject, Figure, string> text) : IColumn
{
    /// <summary>Rate, share of the ceiling, and load of other programs.</summary>
    public static IColumn[] Of(Figures figures) =>
    [
        new FigureColumn(figures, "Rate", "Work a second, by the median time", 0, static (subject, figure) => Rate(subject.Unit, figure.Rate)),
        new FigureColumn(figures, "Of ceiling", "Rate over the best rate of its ceiling, with the same number of threads", 1,
            static (_, figure) => figure.ShareOfCeiling is { } share ? string.Create(CultureInfo.InvariantCulture, $"{100 * share:F0} %") : "-"),
        new FigureColumn(figures, "Others", string.Create(CultureInfo.InvariantCulture, $"Cores that other programs used; ! above {MachineLoad.MostOthers}: not to be trusted"), 2,
            static (_, figure) => figure.Others is { } others ? string.Create(CultureInfo.InvariantCulture, $"{others:F2}{(figure.IsDisturbed ? " !" : "")}") : "?"),
    ];

    public string Id => name;

    public string ColumnName => name;

    public string Legend => legend;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => order;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => figures.Of(benchmarkCase) is { } figure ? text(Figures.SubjectOf(benchmarkCase), figure) : "-";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    private static string Rate(Unit unit, double rate) => unit switch
    {
        Unit.Flops => string.Create(CultureInfo.InvariantCulture, $"{1e-9 * rate:F1} GFLOP/s"),
        Unit.MovedBytes => string.Create(CultureInfo.InvariantCulture, $"{1e-9 * rate:F1} GB/s"),
        Unit.Items => string.Create(CultureInfo.InvariantCulture, $"{1e-3 * rate:F1} k/s"),
        _ => "-",
    };
}
