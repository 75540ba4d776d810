using System.Text.Json.Nodes;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Training;

/// <summary>The reporters of a run.</summary>
internal sealed class RunReports(string run, IReadOnlyList<IMetricsReporter> reporters)
{
    /// <summary>Tells the reporters that the run begins, continues or goes back to a checkpoint.</summary>
    /// <param name="step">Updates done. metrics.jsonl has no lines of later steps.</param>
    public void Begin(long step)
    {
        if (reporters.Count == 0)
            return;
        WriteGuard.Require();
        string arguments = RunFolder.FileOfArguments(run);
        var reported = new ReportedRun(run, JsonFile.ReadObject(arguments), step, RunMetrics.All(run));
        foreach (var reporter in reporters)
            reporter.Begin(reported);
    }

    /// <summary>Passes on a line of metrics.jsonl.</summary>
    public void Report(JsonObject line)
    {
        WriteGuard.Require();
        foreach (var reporter in reporters)
            reporter.Report(line);
    }

    /// <summary>Tells the reporters that the run is complete.</summary>
    public void End()
    {
        WriteGuard.Require();
        foreach (var reporter in reporters)
            reporter.End();
    }
}
