using VideoSim.Models.Progress;

namespace VideoSim.Models.Tests;

/// <summary>Keeps the notes of some work; warnings are among the lines, too.</summary>
internal sealed class Notes : IProgressSink
{
    public List<string> Lines { get; } = [];

    public List<string> Warnings { get; } = [];

    public void Begin(string label, long total, long done)
    {
    }

    public void Report(long done, string text)
    {
    }

    public void End(string text)
    {
    }

    public void Note(string text) => Lines.Add(text);

    public void Warn(string text)
    {
        Warnings.Add(text);
        Lines.Add(text);
    }
}
