using Spectre.Console;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;

namespace VideoSim.Cli.Output;

/// <summary>
/// Shows progress on stderr. On a terminal one line is redrawn in place; in a pipe or a file a plain line is written
/// now and then. Colours follow the console, which follows NO_COLOR.
/// </summary>
public sealed class ProgressReporter : IProgressSink
{
    // Faster than people read, and slow enough to take no time.
    private static readonly TimeSpan RedrawInterval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly IAnsiConsole _console;
    private readonly TextWriter _writer;
    private readonly TimeProvider _clock;
    private readonly TimeSpan _interval;
    private readonly bool _live;
    private Work? _work;

    /// <summary>Reports to a console.</summary>
    /// <param name="console">Console for the progress; on a terminal the line is redrawn.</param>
    /// <param name="clock">Clock for rates and intervals.</param>
    /// <param name="plainInterval">Time between plain lines.</param>
    public ProgressReporter(IAnsiConsole console, TimeProvider clock, TimeSpan plainInterval)
    {
        _console = console;
        _writer = console.Profile.Out.Writer;
        _clock = clock;
        _live = console.Profile.Out.IsTerminal && console.Profile.Capabilities.Ansi;
        _interval = _live ? RedrawInterval : plainInterval;
    }

    /// <inheritdoc/>
    public void Begin(string label, long total, long done = 0)
    {
        lock (_gate)
        {
            Erase();
            _work = new Work(Printable.OneLine(label), total, done, _clock.GetTimestamp());
            if (_live)
                Show(_work);
        }
    }

    /// <inheritdoc/>
    public void Report(long done, string text)
    {
        lock (_gate)
        {
            if (_work is null)
                return;
            _work.Done = done;
            _work.Text = text;
            if (_clock.GetElapsedTime(_work.ShownAt) >= _interval)
                Show(_work);
        }
    }

    /// <inheritdoc/>
    public void End(string text)
    {
        lock (_gate)
        {
            if (_work is null)
                return;
            Erase();
            string result = ProgressText.Finished(_work.Done, _work.Earlier, _clock.GetElapsedTime(_work.BegunAt), text);
            WriteLine($"{_work.Label}: {result}");
            _work = null;
        }
    }

    /// <summary>Ends failed work: erases its line, so the reason can be written in its place.</summary>
    public void Abandon()
    {
        lock (_gate)
        {
            Erase();
            _work = null;
        }
    }

    /// <inheritdoc/>
    public void Note(string text)
    {
        lock (_gate)
        {
            Erase();
            WriteLine(text);
            if (_live && _work is not null)
                Show(_work);
        }
    }

    private void Show(Work current)
    {
        // A line that reaches the right edge would wrap, and then only its last part could be erased.
        var (label, state) = ProgressText.Running(current.Label, current.Done, current.Earlier, current.Total, _clock.GetElapsedTime(current.BegunAt), current.Text,
            _live ? Math.Max(_console.Profile.Width - 1, 1) : int.MaxValue);
        if (_live)
        {
            Erase();
            _console.WriteAnsi(line => line.Write(label, new Style(Color.Green)).Write(state));
        }
        else
        {
            _writer.WriteLine(label + state);
        }

        current.ShownAt = _clock.GetTimestamp();
    }

    private void Erase()
    {
        if (_live && _work is not null)
        {
            const int WholeLine = 2;
            _console.WriteAnsi(line => line.Write("\r").EraseInLine(WholeLine));
        }
    }

    /// <summary>
    /// Writes a line to keep; on a terminal it is broken between words. Text of files is made safe, see
    /// <see cref="Printable.Lines"/>.
    /// </summary>
    public void WriteLine(string text)
    {
        text = Printable.Lines(text);
        foreach (string line in _live ? TextLayout.Wrap(text, Math.Max(_console.Profile.Width - 1, 1)) : [text])
            _writer.WriteLine(line);
    }

    /// <summary>The current piece of work.</summary>
    private sealed class Work(string label, long total, long earlier, long begunAt)
    {
        public string Label { get; } = label;

        public long Total { get; } = total;

        public long Earlier { get; } = earlier;

        public long BegunAt { get; } = begunAt;

        public long ShownAt { get; set; } = begunAt;

        public long Done { get; set; } = earlier;

        public string Text { get; set; } = "";
    }
}
