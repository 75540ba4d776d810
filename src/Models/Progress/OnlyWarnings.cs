namespace VideoSim.Models.Progress;

/// <summary>Passes only warnings on.</summary>
public sealed class OnlyWarnings(IProgressSink sink) : IProgressSink
{
    /// <inheritdoc/>
    public void Begin(string label, long total, long done = 0)
    {
    }

    /// <inheritdoc/>
    public void Report(long done, string text)
    {
    }

    /// <inheritdoc/>
    public void End(string text)
    {
    }

    /// <inheritdoc/>
    public void Note(string text)
    {
    }

    /// <inheritdoc/>
    public void Warn(string text) => sink.Warn(text);
}
