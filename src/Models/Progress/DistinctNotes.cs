namespace VideoSim.Models.Progress;

/// <summary>
/// Passes everything on, but equal notes and warnings only once. Several runs of one command write the same.
/// </summary>
public sealed class DistinctNotes(IProgressSink sink) : IProgressSink
{
    private readonly HashSet<string> _noted = [];

    /// <inheritdoc/>
    public void Begin(string label, long total, long done = 0) => sink.Begin(label, total, done);

    /// <inheritdoc/>
    public void Report(long done, string text) => sink.Report(done, text);

    /// <inheritdoc/>
    public void End(string text) => sink.End(text);

    /// <inheritdoc/>
    public void Note(string text)
    {
        if (IsNew(text))
            sink.Note(text);
    }

    /// <inheritdoc/>
    public void Warn(string text)
    {
        if (IsNew(text))
            sink.Warn(text);
    }

    private bool IsNew(string text)
    {
        lock (_noted)
            return _noted.Add(text);
    }
}
