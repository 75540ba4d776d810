using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Models.Progress;
using Xunit;

namespace VideoSim.Models.Tests.Progress;

/// <summary>The table follows from the lines of metrics.jsonl, in whatever parts they come.</summary>
public sealed class CsvReporterTests : IDisposable
{
    private static readonly string[] Lines =
    [
        """{"step":0,"val_spearman":0.1}""", """{"step":5,"loss":1.5,"tag":2e-05}""", """{"step":10,"loss":1.25,"tag":3,"grad_norm":0.5}""",
        """{"step":10,"val_spearman":0.30000000000000004}""", """{"step":12,"rollback":1,"to":10,"reason":"the gradient of a,\n\"b\" is\u2028not finite"}""",
    ];

    private const string Table = """
        step,val_spearman,loss,tag,grad_norm,rollback,to,reason
        0,0.1,,,,,,
        5,,1.5,2e-05,,,,
        10,,1.25,3,0.5,,,
        10,0.30000000000000004,,,,,,
        12,,,,,1,10,"the gradient of a, ""b"" is not finite"

        """;

    private readonly string _run = Directory.CreateTempSubdirectory("videosim-test-").FullName;
    private readonly CsvReporter _reporter = new();

    private string File => Path.Combine(_run, CsvReporter.FileName);

    public void Dispose() => Directory.Delete(_run, recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void Table_OfAContinuedRun_IsThatOfAllLines(int before)
    {
        Begin(0);
        foreach (string line in Lines.Take(before + 1)) // the last one is not valid any more
            _reporter.Report(Parse(line));
        System.IO.File.AppendAllText(File, "torn");
        Begin(before);
        foreach (string line in Lines.Skip(before))
            _reporter.Report(Parse(line));
        _reporter.End();
        Assert.Equal(Table, System.IO.File.ReadAllText(File));
        Assert.Equal([CsvReporter.FileName], Directory.GetFileSystemEntries(_run).Select(static path => Path.GetFileName(path)!));
    }

    [Fact]
    public void Table_ThatCannotBeWritten_IsNamed()
    {
        Directory.CreateDirectory(File);
        string message = Assert.Throws<DataException>(() => Begin(0)).Message;
        Assert.StartsWith($"{File}: cannot be written: ", message, StringComparison.Ordinal);
    }

    private static JsonObject Parse(string line) => JsonNode.Parse(line)!.AsObject();

    private void Begin(int lines) => _reporter.Begin(new ReportedRun(_run, [], 0, [.. Lines.Take(lines).Select(Parse)]));
}
