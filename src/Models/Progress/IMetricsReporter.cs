using System.Text.Json.Nodes;

namespace VideoSim.Models.Progress;

/// <summary>A run that begins, continues, or goes back to a checkpoint.</summary>
/// <param name="Folder">Path of the run's folder.</param>
/// <param name="Arguments">Its args.json.</param>
/// <param name="Step">Updates done.</param>
/// <param name="Lines">
/// The lines of metrics.jsonl that are valid, in order. Lines of later steps, which the reporter may have received,
/// are not valid any more.
/// </param>
public sealed record ReportedRun(string Folder, JsonObject Arguments, long Step, IReadOnlyList<JsonObject> Lines);

/// <summary>
/// Receives what a run writes to metrics.jsonl, one run after the other, for a file or a program that shows it. A
/// process can be killed at any moment; then <see cref="Begin"/> is called again.
/// </summary>
public interface IMetricsReporter
{
    /// <summary>A run begins, continues or goes back.</summary>
    /// <exception cref="Engine.DataException">A file cannot be written; the message names it.</exception>
    void Begin(ReportedRun run);

    /// <summary>Receives a line after it was written to metrics.jsonl.</summary>
    /// <exception cref="Engine.DataException">A file cannot be written; the message names it.</exception>
    void Report(JsonObject line);

    /// <summary>The run is complete.</summary>
    /// <exception cref="Engine.DataException">A file cannot be written; the message names it.</exception>
    void End();
}
