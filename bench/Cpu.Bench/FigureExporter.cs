using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Reports;

namespace VideoSim.Cpu.Bench;

/// <summary>BenchmarkDotNet's JSON without single measurements, with the date and the figures.</summary>
/// <param name="figures">The figures.</param>
/// <param name="clock">Gives the date.</param>
internal sealed class FigureExporter(Figures figures, TimeProvider clock) : JsonExporterBase(indentJson: true, excludeMeasurements: true)
{
    protected override IReadOnlyDictionary<string, object> GetDataToSerialize(Summary summary) =>
        new Dictionary<string, object>(base.GetDataToSerialize(summary)) { ["Date"] = $"{clock.GetUtcNow():yyyy-MM-dd'T'HH:mm'Z'}" };

    protected override IReadOnlyDictionary<string, object> GetDataToSerialize(BenchmarkReport report)
    {
        var data = new Dictionary<string, object>(base.GetDataToSerialize(report));
        if (figures.Of(report.BenchmarkCase) is { } figure)
            data["Figure"] = new { Unit = Figures.SubjectOf(report.BenchmarkCase).Unit.ToString(), figure.Rate, figure.ShareOfCeiling, figure.Others };
        return data;
    }
}
