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

    [Fact]
    public void WriteResult_WideTableInAPipe_IsNotWrapped()
    {
        var table = new ResultTable().TextColumn("path").Row(string.Join(' ', Enumerable.Repeat("word", 100)));
        Console(json: false).WriteResult(table, new Score("mix", 0.71), ScoreContext.Default.Score);
        Assert.Equal(3, _output.Text.Trim().Split('\n').Length);
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

    private CommandConsole Console(bool json) => new(_output.Writer, _error, new TestClock(), json, quiet: false, _ => null);

    internal sealed record Score(string Model, double Spearman);

    [JsonSerializable(typeof(Score))]
    internal sealed partial class ScoreContext : JsonSerializerContext;
}
