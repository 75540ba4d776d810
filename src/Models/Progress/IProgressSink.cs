namespace VideoSim.Models.Progress;

/// <summary>
/// Takes the progress of long work, one piece of work after the other. What becomes of it (a live line, plain lines,
/// nothing) is not known here. Calls are cheap but build text: report when there is something to say, not every step.
/// </summary>
public interface IProgressSink
{
    /// <summary>A sink that drops everything.</summary>
    static IProgressSink None { get; } = new Dropping();

    /// <summary>A piece of work begins; one still open ends without a word.</summary>
    /// <param name="label">What is done, in a few words.</param>
    /// <param name="total">How many units it has; 0 if unknown.</param>
    /// <param name="done">How many of them were done earlier, by a run that is now resumed; they do not count for the rate.</param>
    void Begin(string label, long total, long done = 0);

    /// <summary>So much is done.</summary>
    /// <param name="done">Units done, including those done earlier.</param>
    /// <param name="text">What else to show, such as the loss; may be empty.</param>
    void Report(long done, string text);

    /// <summary>The piece of work is over.</summary>
    /// <param name="text">What came out, in a few words; may be empty.</param>
    void End(string text);

    /// <summary>A line that is worth keeping: what was saved, what was left out. At any time.</summary>
    void Note(string text);

    private sealed class Dropping : IProgressSink
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
