using Spectre.Console;
using VideoSim.Models.Progress;

namespace VideoSim.Cli.Output;

/// <summary>
/// Shows progress on stderr: a line that is redrawn in place on a terminal, a plain line now and then in a pipe or a file.
/// Colours follow the console, which follows NO_COLOR.
/// </summary>
public sealed class ProgressReporter : IProgressSink
{
    // Faster than anybody reads, slow enough to cost nothing.
    private static readonly TimeSpan RedrawInterval = TimeSpan.FromMilliseconds(100);

    private readonly Lock gate = new();
    private readonly IAnsiConsole console;
    private readonly TextWriter writer;
    private readonly TimeProvider clock;
    private readonly TimeSpan interval;
    private readonly bool live;
    private Work? work;

    /// <summary>Reports to a console.</summary>
    /// <param name="console">Where to; a terminal is redrawn.</param>
    /// <param name="clock">Tells the time for rates and intervals.</param>
    /// <param name="plainInterval">How long apart plain lines are.</param>
    public ProgressReporter(IAnsiConsole console, TimeProvider clock, TimeSpan plainInterval)
    {
        this.console = console;
        writer = console.Profile.Out.Writer;
        this.clock = clock;
        live = console.Profile.Out.IsTerminal && console.Profile.Capabilities.Ansi;
        interval = live ? RedrawInterval : plainInterval;
    }

    /// <inheritdoc/>
    public void Begin(string label, long total, long done = 0)
    {
        lock (gate)
        {
            Erase();
            work = new Work(label, total, done, clock.GetTimestamp());
            if (live)
            {
                Show(work);
            }
        }
    }

    /// <inheritdoc/>
    public void Report(long done, string text)
    {
        lock (gate)
        {
            if (work is null)
            {
                return;
            }
            work.Done = done;
            work.Text = text;
            if (clock.GetElapsedTime(work.ShownAt) >= interval)
            {
                Show(work);
            }
        }
    }

    /// <inheritdoc/>
    public void End(string text)
    {
        lock (gate)
        {
            if (work is null)
            {
                return;
            }
            Erase();
            var result = ProgressText.Finished(work.Done, work.Earlier, clock.GetElapsedTime(work.BegunAt), text);
            writer.WriteLine($"{work.Label}: {result}");
            work = null;
        }
    }

    /// <summary>The work at hand failed: its line goes, so that the reason can be written in its place.</summary>
    public void Abandon()
    {
        lock (gate)
        {
            Erase();
            work = null;
        }
    }

    /// <inheritdoc/>
    public void Note(string text)
    {
        lock (gate)
        {
            Erase();
            writer.WriteLine(text);
            if (live && work is not null)
            {
                Show(work);
            }
        }
    }

    private void Show(Work current)
    {
        var state = ProgressText.Running(
            current.Done, current.Earlier, current.Total, clock.GetElapsedTime(current.BegunAt), current.Text);
        if (live)
        {
            Erase();
            Draw(current.Label, state);
        }
        else
        {
            writer.WriteLine($"{current.Label}: {state}");
        }
        current.ShownAt = clock.GetTimestamp();
    }

    private void Erase()
    {
        if (live && work is not null)
        {
            const int WholeLine = 2;
            console.WriteAnsi(line => line.Write("\r").EraseInLine(WholeLine));
        }
    }

    private void Draw(string label, string state)
    {
        // A line that reaches the right edge would wrap, and only its last part could be erased.
        var room = console.Profile.Width - 1;
        var shownLabel = ProgressText.Cut($"{label}: ", room);
        var shownState = ProgressText.Cut(state, room - shownLabel.GetCellWidth());
        console.WriteAnsi(line => line.Write(shownLabel, new Style(Color.Green)).Write(shownState));
    }

    /// <summary>The piece of work at hand.</summary>
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
