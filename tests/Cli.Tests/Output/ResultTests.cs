using System.Text.Json.Serialization;
using VideoSim.Cli.Output;
using Xunit;

namespace VideoSim.Cli.Tests.Output;

public sealed partial class ResultTests
{
    private readonly TestStream _output = new(isTerminal: false);
    private readonly TestStream _error = new(isTerminal: false);

    [Fact]
    public void WriteResult_ForPeople_IsAnAlignedTableOnStdout()
    {
        Console(json: false).WriteResult(Table(), new Score("mix", 0.71), ScoreContext.Default.Score);

        Assert.Equal(
            """
            | model [m] | spearman |
            | --------- | -------: |
            | mix       |     0.71 |
            | 混合      |    0.697 |

            """, _output.Text);
        Assert.Equal("", _error.Text);
    }

    // A title of a file may have characters that turn the rest of the line around.
    [Fact]
    public void TextOfFiles_WithFormatCharacters_IsEscapedEverywhere()
    {
        var console = Console(json: false);
        console.WriteResult(new ResultTable().TextColumn("title").Row("cat\u202Etac"), new Score("mix", 0.71), ScoreContext.Default.Score);
        console.Progress.Note("a\u202E.tfrecords: 1 record");
        console.Progress.Begin("b\u202E", 1);
        console.Progress.End("");
        console.WriteError("c\u202E");
        Assert.Contains("| cat\\u202etac |", _output.Text, StringComparison.Ordinal);
        Assert.Equal("a\\u202e.tfrecords: 1 record\nb\\u202e: 0 in 0.0s\nerror: c\\u202e\n", _error.Text);
    }

    [Fact]
    public void WriteResult_WideTableInAPipe_IsNotWrapped()
    {
        var table = new ResultTable().TextColumn("path").Row(string.Join(' ', Enumerable.Repeat("word", 100)));
        Console(json: false).WriteResult(table, new Score("mix", 0.71), ScoreContext.Default.Score);
        Assert.Equal(3, _output.Text.Trim().Split('\n').Length);
    }

    [Fact]
    public void WriteResult_NarrowTerminal_IsABlockForEachRow()
    {
        var table = new ResultTable().TextColumn("file").NumberColumn("records").TextColumn("").Row("a.tfrecords", "12", "混合 and some words that need a second line").Row("b", "", "");
        var terminal = new TestStream(isTerminal: true, width: 30);
        new CommandConsole(terminal, _error, new TestClock(), json: false, quiet: false, _ => null).WriteResult(table, new Score("mix", 0.71), ScoreContext.Default.Score);
        Assert.Equal(
            """
            file: a.tfrecords
            records: 12
            混合 and some words that need
            a second line

            file: b


            """, terminal.Text);
    }

    [Fact]
    public void WriteResult_DumbTerminal_IsNotWrapped()
    {
        var terminal = new TestStream(isTerminal: true, width: 10);
        new CommandConsole(terminal, _error, new TestClock(), json: false, quiet: false, name => name == "TERM" ? "dumb" : null).WriteResult(Table(), new Score("mix", 0.71), ScoreContext.Default.Score);
        Assert.StartsWith("| model [m] | spearman |", terminal.Text, StringComparison.Ordinal);
    }

    // The table has 24 columns; a Chinese character takes two.
    [Theory]
    [InlineData(23, "model [m]: mix")]
    [InlineData(24, "| model [m] | spearman |")]
    public void WriteResult_TerminalThatIsWideEnough_IsATable(int width, string first)
    {
        var terminal = new TestStream(isTerminal: true, width);
        new CommandConsole(terminal, _error, new TestClock(), json: false, quiet: false, _ => null).WriteResult(Table(), new Score("mix", 0.71), ScoreContext.Default.Score);
        Assert.Equal(first, terminal.Text.Split('\n')[0]);
    }

    [Fact]
    public void WriteMade_ForPeople_IsNothingOnStdout()
    {
        Console(json: false).WriteMade(new Score("mix", 0.71), ScoreContext.Default.Score);
        Assert.Equal("", _output.Text);
    }

    [Fact]
    public void WriteResult_ForMachines_IsOneLineOfJson()
    {
        Console(json: true).WriteResult(Table(), new Score("mix", 0.71), ScoreContext.Default.Score);
        Assert.Equal("""{"Model":"mix","Spearman":0.71}""" + "\n", _output.Text);
        Assert.Equal("", _error.Text);
    }

    [Fact]
    public void WriteError_Pipe_IsOnePlainLineOnStderr()
    {
        Console(json: true).WriteError("a.tfrecords: record 3 is damaged");
        Assert.Equal("error: a.tfrecords: record 3 is damaged\n", _error.Text);
        Assert.Equal("", _output.Text);
    }

    [Fact]
    public void Row_WrongCellCount_IsRefused() => Assert.Throws<ArgumentException>(() => Table().Row("one"));

    private static ResultTable Table() =>
        new ResultTable().TextColumn("model [m]").NumberColumn("spearman").Row("mix", "0.71").Row("混合", "0.697");

    private CommandConsole Console(bool json) => new(_output, _error, new TestClock(), json, quiet: false, _ => null);

    internal sealed record Score(string Model, double Spearman);

    [JsonSerializable(typeof(Score))]
    internal sealed partial class ScoreContext : JsonSerializerContext;
}
