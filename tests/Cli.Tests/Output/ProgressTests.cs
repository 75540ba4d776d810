using VideoSim.Cli.Output;
using VideoSim.Models.Progress;
using Xunit;

namespace VideoSim.Cli.Tests.Output;

public sealed class ProgressTests
{
    private readonly TestClock _clock = new();

    [Fact]
    public void Report_Pipe_PrintsPlainLinesAtIntervals()
    {
        var error = new TestStream(isTerminal: false);
        var progress = Progress(error);
        progress.Begin("pretrain mix", 3000);
        for (int step = 1; step <= 3000; step++)
        {
            _clock.Now = TimeSpan.FromSeconds(step / 100.0);
            if (step % 100 == 0)
                progress.Report(step, $"loss {1.0 / step:0.0000}");
        }
        progress.End("saved last");

        Assert.Equal(
            """
            pretrain mix: 1000/3000 (33%), 100/s, loss 0.0010, 20s left
            pretrain mix: 2000/3000 (66%), 100/s, loss 0.0005, 10s left
            pretrain mix: 3000/3000 (100%), 100/s, loss 0.0003
            pretrain mix: 3000 in 30s, 100/s, saved last

            """, error.Text);
    }

    [Fact]
    public void Report_ResumedRun_CountsOnlyItsOwnSteps()
    {
        var error = new TestStream(isTerminal: false);
        var progress = Progress(error);
        progress.Begin("finetune", 100, done: 80);
        _clock.Now = TimeSpan.FromSeconds(20);
        progress.Report(85, "");
        _clock.Now = TimeSpan.FromSeconds(80);
        progress.Report(100, "");
        progress.End("");

        Assert.Equal(
            """
            finetune: 85/100 (85%), 4.0s each, 1m 00s left
            finetune: 100/100 (100%), 4.0s each
            finetune: 20 in 1m 20s, 4.0s each

            """, error.Text);
    }

    [Fact]
    public void Report_UnknownTotal_ShowsNoPercentage()
    {
        var error = new TestStream(isTerminal: false);
        var progress = Progress(error);
        progress.Begin("read", 0);
        _clock.Now = TimeSpan.FromSeconds(10);
        progress.Report(45, "");
        Assert.Equal("read: 45, 4.50/s\n", error.Text);
    }

    [Fact]
    public void Report_Terminal_RedrawsOneLineThatNeverWraps()
    {
        var error = new TestStream(isTerminal: true, width: 40);
        var progress = Progress(error);
        progress.Begin("训练", 10);
        _clock.Now = TimeSpan.FromSeconds(1);
        progress.Report(5, "loss 0.123456789 and much more text than fits");
        progress.Report(6, "too early to be shown");
        progress.End("done");

        string[] lines = Plain(error.Text).Split('\r');
        Assert.Equal(["", "训练: 0/10 (0%)", "训练: 5/10, 5.00/s, 1.0s left", "训练: 6 in 1.0s, 6.00/s, done\n"], lines);
    }

    // Whole parts are left out, the least important first; no word is cut.
    [Theory]
    [InlineData(90, "uniter pretrain: 9/60 (15%), 2.79/s, loss 0.6931, validation 0.7123, 18s left")]
    [InlineData(76, "uniter pretrain: 9/60, 2.79/s, loss 0.6931, validation 0.7123, 18s left")]
    [InlineData(65, "pretrain: 9/60, 2.79/s, loss 0.6931, validation 0.7123, 18s left")]
    [InlineData(55, "9/60, 2.79/s, loss 0.6931, validation 0.7123, 18s left")]
    [InlineData(50, "9/60, 2.79/s, validation 0.7123, 18s left")]
    [InlineData(40, "9/60, validation 0.7123, 18s left")]
    [InlineData(25, "pretrain: 9/60, 18s left")]
    [InlineData(20, "9/60, 18s left")]
    [InlineData(8, "9/60")]
    [InlineData(4, "9/60")]
    [InlineData(3, "9/6")]
    public void Running_NarrowTerminal_LeavesOutWholeParts(int columns, string line)
    {
        var (label, state) = ProgressText.Running("uniter pretrain", 9, 0, 60, TimeSpan.FromSeconds(9 / 2.79), "loss 0.6931, validation 0.7123", columns);
        Assert.Equal(line, label + state);
    }

    // The longest label and the largest numbers of a usual run.
    [Fact]
    public void Running_EightyColumns_ShowsLossValidationRateAndTime()
    {
        var (label, state) = ProgressText.Running("uniter-roformer finetune fold 11", 19_000, 0, 30_000, TimeSpan.FromSeconds(1900), "loss 0.6931, validation 0.7123", 79);
        Assert.Equal("19000/30000, 10.0/s, loss 0.6931, validation 0.7123, 18m 20s left", label + state);
        (label, state) = ProgressText.Running("uniter-roformer finetune fold 1", 190, 0, 600, TimeSpan.FromSeconds(38), "loss 0.6931, validation 0.7123", 79);
        Assert.Equal("finetune fold 1: 190/600, 5.00/s, loss 0.6931, validation 0.7123, 1m 22s left", label + state);
    }

    [Fact]
    public void Report_TerminalThatIsResized_FitsTheNewWidth()
    {
        var error = new TestStream(isTerminal: true, width: 60);
        var progress = Progress(error);
        progress.Begin("uniter pretrain", 60);
        _clock.Now = TimeSpan.FromSeconds(1);
        progress.Report(3, "loss 0.6931, validation 0.7123");
        error.Width = 30;
        _clock.Now = TimeSpan.FromSeconds(2);
        progress.Report(6, "loss 0.6931, validation 0.7123");
        Assert.Equal(["", "uniter pretrain: 0/60 (0%)", "3/60, 3.00/s, loss 0.6931, validation 0.7123, 19s left", "pretrain: 6/60, 18s left"], Plain(error.Text).Split('\r'));
    }

    [Fact]
    public void Note_DuringWorkOnATerminal_StaysAboveTheLine()
    {
        var error = new TestStream(isTerminal: true);
        var progress = Progress(error);
        progress.Note("before [not markup]");
        progress.Begin("train", 10);
        progress.Note("saved checkpoint-5");
        progress.End("");

        Assert.Equal("before [not markup]\n\rtrain: 0/10 (0%)\rsaved checkpoint-5\n\rtrain: 0/10 (0%)\rtrain: 0 in 0.0s\n", Plain(error.Text));
    }

    [Fact]
    public void WriteError_DuringWorkOnATerminal_TakesThePlaceOfTheLine()
    {
        var error = new TestStream(isTerminal: true);
        var console = Console(error);
        console.Progress.Begin("train", 10);
        console.WriteError("no space left");
        console.Progress.Report(5, "");

        Assert.Equal("\rtrain: 0/10 (0%)\rerror: no space left\n", Plain(error.Text));
    }

    [Fact]
    public void Note_LongerThanTheTerminal_IsBrokenAtBlanksOnly()
    {
        var error = new TestStream(isTerminal: true, width: 20);
        Progress(error).Note("saved /a/rather/long/path/without/any/blank");
        Assert.Equal("saved\n/a/rather/long/path/without/any/blank\n", error.Text);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("", true)]
    [InlineData("1", false)]
    public void Report_NoColor_DrawsWithoutColours(string? noColor, bool coloured)
    {
        var error = new TestStream(isTerminal: true);
        var progress = Progress(error, name => name == "NO_COLOR" ? noColor : null);
        progress.Begin("train", 10);
        progress.End("");

        Assert.Equal(coloured, error.Text.Contains("\u001b[32mtrain: \u001b[0m", StringComparison.Ordinal));
        Assert.Equal("\rtrain: 0/10 (0%)\rtrain: 0 in 0.0s\n", Plain(error.Text));
    }

    [Fact]
    public void Report_DumbTerminal_PrintsPlainLines()
    {
        var error = new TestStream(isTerminal: true);
        var progress = Progress(error, name => name == "TERM" ? "dumb" : null);
        progress.Begin("train", 10);
        progress.End("");
        string note = string.Join(' ', Enumerable.Repeat("word", 100));
        progress.Note(note);
        Assert.Equal($"train: 0 in 0.0s\n{note}\n", error.Text);
    }

    [Fact]
    public void Progress_Quiet_ShowsOnlyWarnings()
    {
        var error = new TestStream(isTerminal: false);
        var progress = new CommandConsole(new TestStream(isTerminal: false), error, _clock, json: false, quiet: true, _ => null).Progress;
        progress.Begin("train", 10);
        progress.Note("saved");
        progress.End("done");
        Assert.Equal("", error.Text);
        IProgressSink distinct = new DistinctNotes(progress);
        foreach (string text in new[] { "once", "once", "bits can differ" })
            distinct.Warn(text);
        Assert.Equal("once\nbits can differ\n", error.Text);
    }

    [Theory]
    [InlineData(4, "")]
    [InlineData(5, "building the CUDA emulator with g++: 5 in 0.0s")]
    public void EmulatorProgress_FewSources_IsSilent(int sources, string expected)
    {
        var error = new TestStream(isTerminal: false);
        using (var progress = new EmulatorProgress(Progress(error)))
        {
            progress.Report(0, sources);
            progress.Report(sources, sources);
        }
        Assert.StartsWith(expected, error.Text, StringComparison.Ordinal);
        Assert.Equal(expected.Length == 0, error.Text.Length == 0);
    }

    [Fact]
    public void Report_WithoutBegin_IsIgnored()
    {
        var error = new TestStream(isTerminal: false);
        var progress = Progress(error);
        progress.Report(1, "");
        progress.End("");
        Assert.Equal("", error.Text);
    }

    [Theory]
    [InlineData(0, "0.0s")]
    [InlineData(9.94, "9.9s")]
    [InlineData(59.9, "59s")]
    [InlineData(60, "1m 00s")]
    [InlineData(3599, "59m 59s")]
    [InlineData(3660, "1h 01m")]
    [InlineData(86400 * 2 + 3600 * 5, "2d 05h")]
    public void Time_AnyLength_ShowsItsTwoLargestUnits(double seconds, string text)
    {
        Assert.Equal(text, ProgressText.Time(TimeSpan.FromSeconds(seconds)));
    }

    private IProgressSink Progress(TestStream error, Func<string, string?>? environment = null) =>
        Console(error, environment).Progress;

    private CommandConsole Console(TestStream error, Func<string, string?>? environment = null) =>
        new(new TestStream(isTerminal: false), error, _clock, json: false, quiet: false, environment ?? (_ => null));

    private static string Plain(string text) => System.Text.RegularExpressions.Regex.Replace(text, "\u001b\\[[0-9;]*[A-Za-z]", "");
}
