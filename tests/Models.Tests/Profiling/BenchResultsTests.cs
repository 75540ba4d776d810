using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Models.Profiling;
using Xunit;

namespace VideoSim.Models.Tests.Profiling;

/// <summary>Reading of results: folders of bench/all, single files, and folders of single files.</summary>
public sealed class BenchResultsTests : IDisposable
{
    private const string Step = """
        {"date":"2026-11-29T21:00:00Z","commit":"c0ffee","machine":"2 cores, .NET 10","processor":"EPYC","device":"cpu (2 threads)","others_cores":0.1,"model":"mix","stage":"pretrain","preset":"tiny","batch":64,"steps":9,
         "median_milliseconds":8,"best_milliseconds":7,"p10_milliseconds":7.5,"p90_milliseconds":9,"memory_bytes":70000000,"flops":5e9,"kernels":[{"entry":"matmul","launches":62,"microseconds":4000}],"newer":1}
        """;

    private const string Kernels = """
        {"date":"2026-11-29T21:00:00Z","commit":null,"machine":"2 cores, .NET 10","processor":"EPYC","device":"cpu (2 threads)","others_cores":null,"emulated":false,"preset":"tiny","is_cold":false,
         "rates":{"copy_bytes_per_second":2e10,"flops_per_second":5e11},
         "kernels":[{"family":"dropout","entry":"dropout_f32","is_of_step":true,"launch":"mix pretrain, batch 64","microseconds":{"median":20,"p10":18,"p90":30,"best":17,"samples":10},"flops":7,"bytes":8,"floor_microseconds":10},
                    {"family":"dropout","entry":"failed_f32","is_of_step":false,"launch":"3 rows","microseconds":null,"flops":7,"bytes":8,"floor_microseconds":null}]}
        """;

    private static readonly BenchRow Row = new("kernels", "gelu", "gelu", "videosim", "512 x 768", 393216, "cpu", 2, new RowTime(2, 1.5, 3, 1, 20, [2, 2.5], [1, 1.2]), 1, 2, 3, 4, [new RowKernel("k", 1, 0.5)], 0.1);

    private static readonly BenchRun Run = new("2026-11-29T21:00:00Z", "c0ffee", false, new BenchMachine("EPYC", 2, 8 << 20, "Debian", null), new Dictionary<string, string> { ["dotnet"] = "10.0.12" },
        new Dictionary<string, double> { ["cpu_start"] = 2600 }, new BenchLoad(0.1, 0.2, 0.05), new BenchCeilings(2e10, 5e11), [new BenchRunPart("kernels", 120, 60, BenchRunPart.Done, null)]);

    private readonly string _folder = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Folder_OfARun_HasItsRows()
    {
        WriteRun(Run, Row);
        var results = BenchResults.Read(_folder);
        Assert.Equal(("EPYC, 2 cores", "c0ffee", false, new BenchCeilings(2e10, 5e11)), (results.Machine, results.Commit, results.IsEmulated, results.Ceilings));
        var row = Assert.Single(results.Rows);
        Assert.Equal((Row.Key, 2.0, 393216L), (row.Key, row.Milliseconds.Median, row.Size));
    }

    [Fact]
    public void File_OfBench_IsARowOfOneRound()
    {
        var results = BenchResults.Read(Write("step.json", Step));
        Assert.Equal(("EPYC, 2 cores", "c0ffee"), (results.Machine, results.Commit));
        var row = Assert.Single(results.Rows);
        Assert.Equal(new RowKey("steps", "mix pretrain", "videosim", "tiny, batch 64", "cpu", 2), row.Key);
        Assert.Equal((8, 7.5, 9, 7, 9), (row.Milliseconds.Median, row.Milliseconds.P10, row.Milliseconds.P90, row.Milliseconds.Best, row.Milliseconds.Samples));
        Assert.Equal((70000000L, new RowKernel("matmul", 62, 4), 0.1), (row.MemoryBytes, Assert.Single(row.Kernels!), row.OthersCores));
    }

    // They must not be taken for rounds of one row.
    [Fact]
    public void File_OfKernelsBenchWithSeveralBuilds_HasARowForEach()
    {
        static string Timed(string variant, string sources) => $$$"""
            {"family":"softmax","entry":"softmax_f32","is_of_step":false,"launch":"3 rows","microseconds":{"median":20,"p10":18,"p90":30,"best":17,"samples":10},"flops":7,"bytes":8,"floor_microseconds":10,
             "build":{"variant":"{{{variant}}}","sources":"{{{sources}}}","ratio":null,"is_best":false,"defines":{},"sizes":{},"verdict":null}}
            """;
        string all = string.Join(',', Timed("", "program"), Timed("WARPS=4", "program"), Timed("WARPS=4", "try"));
        var results = BenchResults.Read(Write("kernels.json", $"{Kernels[..Kernels.IndexOf("[{", StringComparison.Ordinal)]}[{all}]}}"));
        Assert.Equal([("3 rows", "program"), ("3 rows", "WARPS=4, program"), ("3 rows", "WARPS=4, try")], results.Rows.Select(static row => (row.Case, row.System)));
    }

    [Fact]
    public void File_OfKernelsBench_HasRowsOfTheTimedKernelsAndTheRates()
    {
        var results = BenchResults.Read(Write("kernels.json", Kernels));
        Assert.Equal(new BenchCeilings(2e10, 5e11), results.Ceilings);
        var row = Assert.Single(results.Rows);
        Assert.Equal(new RowKey("kernels", "dropout_f32", "videosim", "tiny, mix pretrain, batch 64", "cpu", 2), row.Key);
        Assert.Equal((0.02, 0.017, 0.01, 8.0), (row.Milliseconds.Median, row.Milliseconds.Best, row.FloorMilliseconds, row.Bytes));
        Assert.True(BenchResults.Read(Write("emulated.json", Kernels.Replace("\"emulated\":false", "\"emulated\":true", StringComparison.Ordinal))).IsEmulated);
    }

    [Fact]
    public void Folder_OfFiles_HasEachFileAsARound()
    {
        Write("1.json", Step);
        Write("2.json", Step.Replace("\"median_milliseconds\":8", "\"median_milliseconds\":8.5", StringComparison.Ordinal).Replace("\"best_milliseconds\":7", "\"best_milliseconds\":6", StringComparison.Ordinal));
        Write("3.json", Step.Replace("\"others_cores\":0.1", "\"others_cores\":0.4", StringComparison.Ordinal));
        var row = Assert.Single(BenchResults.Read(_folder).Rows);
        Assert.Equal([8, 8.5, 8], row.Milliseconds.Rounds);
        Assert.Equal([7, 6, 7], row.Milliseconds.Bests);
        Assert.Equal((8.0, 6.0, 27, 0.4), (row.Milliseconds.Median, row.Milliseconds.Best, row.Milliseconds.Samples, row.OthersCores));
        Write("4.json", Step.Replace("EPYC", "Xeon", StringComparison.Ordinal));
        Assert.Contains("4.json is of another machine than", Refusal(_folder), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("median", 0.5, "rows.json: [0].milliseconds.median must be at least the best time")]
    [InlineData("p10", 0.5, "rows.json: [0].milliseconds.p10 must be at least the best time")]
    [InlineData("p90", 1.2, "rows.json: [0].milliseconds.p90 must be at least p10")]
    [InlineData("best", 0, "rows.json: [0].milliseconds.best must be above 0")]
    [InlineData("samples", 1, "rows.json: [0].milliseconds.samples must be at least one for each round")]
    [InlineData("samples", 3e9, "rows.json: [0].milliseconds.samples must be at most 2147483647")]
    [InlineData("bests", 0.5, "rows.json: [0].milliseconds.bests must be one for each round, the shortest of them the best time")]
    [InlineData("bests", 0, "rows.json: [0].milliseconds.bests must be one for each round, the shortest of them the best time")]
    [InlineData("rounds", -1, "rows.json: [0].milliseconds.rounds must be times above 0, and at least one")]
    public void Rows_WithATimeThatCannotBe_AreRefusedWithFileAndField(string field, double value, string message)
    {
        var time = Row.Milliseconds;
        WriteRun(Run, Row with
        {
            Milliseconds = field switch
            {
                "median" => time with { Median = value },
                "p10" => time with { P10 = value },
                "p90" => time with { P90 = value },
                "best" => time with { Best = value },
                "samples" => time with { Samples = (long)value },
                "bests" => time with { Bests = value == 0 ? [1] : [1, value] },
                _ => time with { Rounds = [2, value] },
            },
        });
        Assert.EndsWith(message, Refusal(_folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_ThatCannotBe_AreRefusedWithFileAndField()
    {
        WriteRun(Run, Row, Row);
        Assert.EndsWith("rows.json: [1] is there twice", Refusal(_folder), StringComparison.Ordinal);
        WriteRun(Run, Row with { Size = 0 });
        Assert.EndsWith("rows.json: [0].size must be above 0", Refusal(_folder), StringComparison.Ordinal);
        WriteRun(Run, Row with { Threads = 0 });
        Assert.EndsWith("rows.json: [0].threads must be at least 1", Refusal(_folder), StringComparison.Ordinal);
        Write(BenchRun.RowsFileName, """[{"part":"kernels"}]""");
        Assert.Contains("rows.json: line 1: lacks ", Refusal(_folder), StringComparison.Ordinal);
        Write(BenchRun.RowsFileName, "[null]");
        Assert.EndsWith("rows.json: [0] is null", Refusal(_folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_ThatCannotBe_IsRefusedWithFileAndField()
    {
        WriteRun(Run with { Date = "yesterday" }, Row);
        Assert.EndsWith("run.json: date is no date", Refusal(_folder), StringComparison.Ordinal);
        WriteRun(Run with { Parts = [Run.Parts[0] with { Status = "maybe" }] }, Row);
        Assert.EndsWith("run.json: parts[0].status is none of 'done', 'cut' and 'not measured'", Refusal(_folder), StringComparison.Ordinal);
        WriteRun(Run with { Machine = Run.Machine with { Cores = 0 } }, Row);
        Assert.EndsWith("run.json: machine.cores must be at least 1", Refusal(_folder), StringComparison.Ordinal);
        WriteRun(Run with { Ceilings = new BenchCeilings(0, 1) }, Row);
        Assert.EndsWith("run.json: ceilings must be above 0", Refusal(_folder), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "other.json: is no result of 'bench --json' or 'kernels bench --json'")]
    [InlineData("[]", "other.json: is not a JSON object")]
    [InlineData("""{"stage":"pretrain"}""", "other.json: line 1: lacks ")]
    public void File_OfSomethingElse_IsRefused(string text, string message) => Assert.Contains(message, Refusal(Write("other.json", text)), StringComparison.Ordinal);

    [Fact]
    public void Folder_WithoutResults_IsRefused() => Assert.Contains("has neither run.json of bench/all nor results of", Refusal(_folder), StringComparison.Ordinal);

    private static string Refusal(string path) => Assert.Throws<DataException>(() => BenchResults.Read(path)).Message;

    private void WriteRun(BenchRun run, params BenchRow[] rows)
    {
        Write(BenchRun.FileName, JsonSerializer.Serialize(run, BenchRunJson.Default.BenchRun));
        Write(BenchRun.RowsFileName, JsonSerializer.Serialize(rows, BenchRunJson.Default.IReadOnlyListBenchRow));
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
