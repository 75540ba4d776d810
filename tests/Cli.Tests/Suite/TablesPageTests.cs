using VideoSim.Cli.Tests.Output;
using VideoSim.Models.Profiling;
using VideoSim.Suite;
using Xunit;

namespace VideoSim.Cli.Tests.Suite;

/// <summary>The tables of bench/all, and the results of peers that they show.</summary>
public sealed class TablesPageTests : IDisposable
{
    private static readonly BenchRun Run = new("2026-11-29T21:00:00Z", "c0ffee", true, new BenchMachine("EPYC", 2, 8_000_000_000, "Debian", null), new Dictionary<string, string> { ["dotnet"] = "10.0.12" },
        new Dictionary<string, double> { ["cpu_start"] = 2600 }, new BenchLoad(0.1, 0.2, 0.35), new BenchCeilings(2e10, 5e11),
        [new BenchRunPart("kernels", 120, 60, BenchRunPart.Done, null), new BenchRunPart("torchsharp", 75, 0, BenchRunPart.NotMeasured, "it is not installed")]);

    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Page_OfARun_HasMachinePartsAndRows()
    {
        string page = TablesPage.Text(Run, [Row("gelu", "videosim", 2) with { Part = "kernels", Bytes = 8e6, Flops = 4e6, FloorMilliseconds = 1, MemoryBytes = 3_000_000 }]);
        Assert.Contains("EPYC, 2 cores, 8.0 GB, Debian. Commit c0ffee, quick.\ndotnet 10.0.12. cpu_start 2600 MHz. Load average 0.10 before, 0.20 at the end.\nA large copy moves 20.0 GB/s, a large product computes 500.0 GFLOP/s.\n", page, StringComparison.Ordinal);
        var tables = Tables(page);
        Assert.Equal([["kernels", "120", "60", "done", ""], ["torchsharp", "75", "0", "not measured", "it is not installed"]], tables[0].Rows);
        Assert.Equal([["gelu", "2 x 3", "cpu", "2", "1-3", "1.9-2.1", "4.0", "2.0", "50", "3", ""]], tables[1].Rows);
        Assert.DoesNotContain("Do not trust", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_OfABusyMachine_HaveAMarkAndAWarning()
    {
        string page = TablesPage.Text(Run, [Row("a|b", "videosim", 2) with { OthersCores = 0.35 }, Row("c", "videosim", 2)]);
        Assert.Contains("**Do not trust 1 of 2 rows, marked !: other programs used more than 0.2 cores, at most 0.35.**", page, StringComparison.Ordinal);
        Assert.Contains("| a\\|b |", page, StringComparison.Ordinal);
        Assert.Equal(["!", ""], page.Split('\n').Where(static line => line.Contains("2 x 3", StringComparison.Ordinal)).Select(static line => line.Split('|')[^2].Trim()));
    }

    [Fact]
    public void Rows_OfPeers_AreBesideOurs()
    {
        string page = TablesPage.Text(Run, [Row("gelu", "videosim", 2), Row("gelu", "torchsharp", 3), Row("adam", "torchsharp", 5)]);
        Assert.Equal([["gelu", "2 x 3", "2", "3", "1.50", ""], ["adam", "2 x 3", "", "5", "", ""]], Tables(page)[1].Rows);
    }

    [Theory]
    [InlineData("LayerNorm forward-backward [512, 768]", "LayerNorm forward-backward", "512 x 768", 393216L, null)]
    [InlineData("product NT 512x768x10", "matmul", "NT 512x768x10", null, 2.0 * 512 * 768 * 10)]
    [InlineData("uniter tiny step, batch 64", "uniter tiny step", "batch 64", null, null)]
    [InlineData("attention forward-backward 8 x 64, 12 heads of 64, dropout 0", "attention forward-backward", "8 x 64, 12 heads of 64, dropout 0", null, null)]
    [InlineData("Adam", "Adam", "", null, null)]
    public void Job_OfAPeer_HasNameAndCase(string job, string name, string shape, long? size, double? flops) => Assert.Equal((name, shape, size, flops), PeerFiles.Parse(job));

    [Fact]
    public void File_OfTurns_HasARowForEachSide()
    {
        File.WriteAllText(_file, """
            {"peer":"TorchSharp 0.107.0, libtorch 2.10.0.0","options":{"threads":2,"rounds":3},"jobs":[{"name":"GELU forward-backward [2, 3]","others":0.1,
             "ours":{"samples":[{"milliseconds":2},{"milliseconds":4},{"milliseconds":3}],"peak_bytes":7},"peer":{"samples":[{"milliseconds":5}],"peak_bytes":8}}]}
            """);
        var results = PeerFiles.OfTurns(_file, "torchsharp");
        Assert.Equal(("0.107.0", "2.10.0.0"), (results.Versions["torchsharp"], results.Versions["libtorch"]));
        Assert.Equal([("videosim", 3.0, 7L), ("torchsharp", 5.0, 8L)], results.Rows.Select(static row => (row.System, row.Milliseconds.Median, row.MemoryBytes!.Value)));
        Assert.Equal(("GELU forward-backward", 6L, 2, 0.1), (results.Rows[0].Name, results.Rows[0].Size, results.Rows[0].Threads, results.Rows[0].OthersCores));
        Assert.Equal([2, 4, 3], results.Rows[0].Milliseconds.Rounds);
    }

    [Fact]
    public void File_OfPytorch_HasARowForEachVariantThatWorked()
    {
        File.WriteAllText(_file, """
            {"torch":"2.8.0","rows":16384,"width":768,"seconds":0.2,"gpu":"H100","results":{"eager forward":{"median":40,"p10":38,"p90":45,"samples":10},"native":{"median":30,"p10":28,"p90":35,"samples":9},"compiled forward":{"error":"x"},"triton forward":{"median":20,"p10":19,"p90":21,"samples":9},"liger":{"error":"not measured"},"eager, fp32":{"median":80,"p10":79,"p90":81,"samples":9}}}
            """);
        var results = PeerFiles.OfPytorch(_file, "layernorm");
        Assert.Equal([("layernorm forward", "pytorch eager", 0.04), ("layernorm native", "pytorch", 0.03), ("layernorm forward", "triton", 0.02), ("layernorm, fp32", "pytorch eager", 0.08)], results.Rows.Select(static row => (row.Name, row.System, row.Milliseconds.Median)));
        Assert.Equal(("rows 16384, width 768", "H100", "2.8.0"), (results.Rows[0].Case, results.Rows[0].Device, results.Versions["pytorch"]));
    }

    private static MarkdownTable[] Tables(string page) => [.. page.Split("\n\n").Where(static block => block.StartsWith('|')).Select(MarkdownTable.Parse)];

    private static BenchRow Row(string name, string system, double milliseconds) => new("part", name, "f", system, "2 x 3", 6, "cpu", 2,
        new RowTime(milliseconds, milliseconds - 1, milliseconds + 1, milliseconds - 1, 20, [milliseconds - 0.1, milliseconds + 0.1]), null, null, null, null, null, 0.1);
}
