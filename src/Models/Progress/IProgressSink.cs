namespace VideoSim.Models.Progress;

/// <summary>
/// Receives the progress of long work, one piece of work after the other. An implementation may show a live line,
/// plain lines or nothing. Calls are cheap but build text, so callers do not report every step.
/// </summary>
public interface IProgressSink
{
    /// <summary>A sink that ignores everything.</summary>
    static IProgressSink None { get; } = new IgnoringSink();

    /// <summary>Begins a piece of work. If one is still open, it ends without a result text.</summary>
    /// <param name="label">Name of the work, in a few words.</param>
    /// <param name="total">Number of units; 0 if unknown.</param>
    /// <param name="done">
    /// Units that an earlier run did, if this run is resumed. They do not count for the rate.
    /// </param>
    void Begin(string label, long total, long done = 0);

    /// <summary>Reports the units that are done.</summary>
    /// <param name="done">Units done, including those done earlier.</param>
    /// <param name="text">Further text, such as the loss; may be empty.</param>
    void Report(long done, string text);

    /// <summary>Ends the piece of work.</summary>
    /// <param name="text">The result, in a few words; may be empty.</param>
    void End(string text);

    /// <summary>
    /// Reports a line to keep, for example about saved files or skipped records. Allowed at any time.
    /// </summary>
    void Note(string text);

    /// <summary>
    /// Reports a line that a user must see even without progress: why results may differ from what is expected.
    /// </summary>
    void Warn(string text) => Note(text);

    private sealed class IgnoringSink : IProgressSink
    {
        public void Begin(string label, long total, long done)
        {
        }

        public void Report(long done, string text)
        {
        }

        public void End(string text)
        {
        }

        public void Note(string text)
        {
        }
    }
}
