using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Reports;
using Xunit;

namespace VideoSim.Models.Tests.Reports;

/// <summary>Reports of runs that are damaged, old, still going, or no runs.</summary>
public sealed class ReportReadingTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("videosim-test-");

    private string Run => Path.Combine(_root.FullName, "run");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void Report_RunThatIsStillGoing_LeavesOutTheTornLine()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 60, complete: false);
        ArtificialRuns.Append(Run, "metrics.jsonl", "{\"step\":61,\"lo");
        var data = Build(Run);
        Assert.Equal((60L, false), (data.Runs[0].Done, data.Runs[0].Complete));
        Assert.Contains(data.Notes, static note => note.EndsWith("metrics.jsonl: the last line is not complete and is left out", StringComparison.Ordinal));
        Assert.Contains(data.Advice, static advice => advice.Text.StartsWith("In mix fold 1, the run has not ended. The same command continues it.", StringComparison.Ordinal));
        Assert.Contains("so far, after 60 steps", data.Verdict.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_RunStoppedByNaN_IsToldFromAnInterruptedOne()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 60, complete: false);
        ArtificialRuns.Append(Run, "metrics.jsonl", "{\"step\":60,\"stopped\":\"the gradient of w is not finite at step 60\"}\n");
        var data = Build(Run);
        Assert.Contains(data.Advice, static advice => advice.Text == "In mix fold 1, the run stopped because a value was not finite. Begin again with a lower rate.");
        Assert.Equal("mix fold 1 stopped because a value was not finite", data.Verdict.Text);
        Assert.Equal("stopped: the gradient of w is not finite at step 60", data.Runs[0].Events[^1].Text);
        Assert.Contains("stopped, not finite, of 60 steps", ReportPage.Of(data), StringComparison.Ordinal);
    }

    // As the run's own best: random weights never are, the weights that a finetuning begins with may be.
    [Theory]
    [InlineData(null, 4)]
    [InlineData(1, 0)]
    public void Report_BestValidation_IsThatOfTheRun(int? fold, long step)
    {
        ArtificialRuns.WriteRun(Run, "mix", fold, 10);
        File.WriteAllLines(Path.Combine(Run, "metrics.jsonl"), new (int Step, string Score)[] { (0, "0.9"), (2, "0.5"), (4, "0.5"), (6, "0.1") }.Select(static line => $"{{\"step\":{line.Step},\"val_spearman\":{line.Score}}}"));
        Assert.Equal(step, Build(Run).Runs[0].BestStep);
    }

    [Fact]
    public void Report_DamagedLines_AreNamed()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 10);
        ArtificialRuns.Append(Run, "metrics.jsonl", "{\"step\":8,\"loss\":NaN}\n[1]\n{\"step\":9,\"loss\":\"\\ud800\"}\n{\"step\":9,\"loss\":1e999}\n{\"step\":10,\"loss\":2}\n");
        var data = Build(Run);
        Assert.Equal(2, data.Runs[0].LastLoss);
        Assert.Contains(data.Notes, static note => note.EndsWith("metrics.jsonl: line 22 is not a JSON object and is left out, and so are 3 more", StringComparison.Ordinal));
    }

    [Fact]
    public void Report_RunOfAnOlderVersion_ShowsWhatThereIs()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 60);
        foreach (string file in new[] { "timing.jsonl", "environment.json", "validation.tsv", "embeddings.json", "inputs.json" })
            File.Delete(Path.Combine(Run, file));
        var data = Build(Run);
        Assert.Contains("the run: no times and no throughput: there is no readable timing.jsonl", data.Notes);
        Assert.Contains("the run: no machine and commit: there is no readable environment.json", data.Notes);
        Assert.Contains("the run: no pairs of a validation: there is no readable validation.tsv", data.Notes);
        Assert.Empty(data.Times);
    }

    [Theory]
    [InlineData("timing.jsonl")]
    [InlineData("environment.json")]
    [InlineData("validation.tsv")]
    [InlineData("embeddings.json")]
    [InlineData("inputs.json")]
    [InlineData("metrics.jsonl")]
    public void Report_ForeignFile_IsNamedAndLeftOut(string file)
    {
        foreach (string content in new[] { "[1, {\"a\": null}]\n", "{\"sessions\": 1, \"step\": []}\n", "null\n", "\u0000\u0001\n", "" })
        {
            ArtificialRuns.WriteRun(Run, "mix", 1, 6);
            File.WriteAllText(Path.Combine(Run, file), content);
            Assert.NotEmpty(Build(Run).Runs);
        }
        File.WriteAllText(Path.Combine(Run, file), "null\n");
        Assert.Contains(Build(Run).Notes, note => note.Contains(file, StringComparison.Ordinal));
    }

    [Fact]
    public void Report_RunWithoutValidation_IsShown()
    {
        ArtificialRuns.WriteRun(Run, "mix", null, 6);
        File.Delete(Path.Combine(Run, "validation.tsv"));
        File.WriteAllLines(Path.Combine(Run, "metrics.jsonl"), File.ReadAllLines(Path.Combine(Run, "metrics.jsonl")).Where(static line => !line.Contains("val_", StringComparison.Ordinal)));
        var data = Build(Run);
        Assert.EndsWith("in 6 steps, without a validation", data.Verdict.Text, StringComparison.Ordinal);
        Assert.Contains("the run: no validation in metrics.jsonl", data.Notes);
    }

    [Fact]
    public void Report_RunThatLoggedNothing_IsShown()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 6, complete: false);
        foreach (string file in Directory.GetFiles(Run).Where(static file => Path.GetFileName(file) != "args.json"))
            File.Delete(file);
        Assert.Equal("mix fold 1: nothing was logged yet", Build(Run).Verdict.Text);
    }

    [Fact]
    public void Report_OfFolds_AndOfTwoRuns_NamesThem()
    {
        foreach (int fold in new[] { 10, 9, 1 })
            ArtificialRuns.WriteRun(Path.Combine(Run, $"fold-{fold}"), "mix", fold, 6);
        ArtificialRuns.WriteRun(Path.Combine(Run, "fold-1-again"), "mix", 1, 6);
        var data = Build(Run);
        Assert.Equal(["mix fold 1", "mix fold 9", "mix fold 10"], data.Runs.Select(static run => run.Name));
        Assert.Contains($"{Run} stands for its folds alone; to show the other runs in it, name them too: {Path.Combine(Run, "fold-1-again")}", data.Notes);

        string other = Path.Combine(_root.FullName, "other");
        ArtificialRuns.WriteRun(other, "mix", 1, 6);
        Assert.Equal(["fold-1 fold 1", "other fold 1"], Build(Path.Combine(Run, "fold-1"), other, other).Runs.Select(static run => run.Name));
    }

    [Fact]
    public void Report_NoRun_IsRefusedInOneLine()
    {
        Directory.CreateDirectory(Run);
        Refused(": is not the folder of a run, of folds or of a reproduction: it has no args.json and no fold-N");
        string inner = Path.Combine(Run, "pretrained");
        ArtificialRuns.WriteRun(inner, "mix", null, 6);
        Refused($"no fold-N; name the runs in it: {inner}");
        File.WriteAllText(Path.Combine(Run, "args.json"), "{\"command\":\"embed\"}");
        Refused("args.json: is not that of a training run");
        File.WriteAllText(Path.Combine(Run, "args.json"), "{\"command\":");
        Refused("args.json");
        File.WriteAllText(Path.Combine(Run, "args.json"), "{\"command\":\"reproduce\"}");
        Refused(": no run of this reproduction has begun");
        File.WriteAllText(Path.Combine(Run, "args.json"), "{\"command\":\"reproduce --study claims\",\"seed\":7}");
        Refused("seed-7");
        Assert.Contains("there is no such folder", Assert.Throws<DataException>(() => Build(Run + "x")).Message, StringComparison.Ordinal);

        void Refused(string reason)
        {
            string message = Assert.Throws<DataException>(() => Build(Run)).Message;
            Assert.StartsWith(Run, message, StringComparison.Ordinal);
            Assert.Contains(reason, message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Report_Bench_ShowsTheParts()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 6);
        string bench = Path.Combine(_root.FullName, "bench.json");
        File.WriteAllText(bench, "{\"model\":\"mix\",\"stage\":\"pretrain\",\"preset\":\"tiny\",\"device\":\"cpu\",\"median_milliseconds\":4.5,\"kernels\":[{\"entry\":\"b\",\"microseconds\":1000},{\"entry\":\"a\",\"microseconds\":3000}]}");
        var parts = ReportBuilder.Build([Run], bench, IProgressSink.None, TestContext.Current.CancellationToken).Bench!;
        Assert.Equal([new BenchPart("a", 3, 0.75), new BenchPart("b", 1, 0.25)], parts.Parts);
        File.WriteAllText(bench, "{}");
        Assert.StartsWith(bench, Assert.Throws<DataException>(() => ReportBuilder.Build([Run], bench, IProgressSink.None, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"models\":null,\"ensemble\":null,\"baselines\":null,\"seconds\":1,\"device\":\"cpu\"}", "lacks models, folds or the ensemble")]
    [InlineData("{\"models\":{},\"ensemble\":{},\"baselines\":null,\"seconds\":1,\"device\":\"cpu\"}", "lacks models, folds or the ensemble")]
    [InlineData("[]", "summary.json")]
    public void Report_ForeignSummary_IsLeftOut(string summary, string reason)
    {
        ArtificialRuns.WriteRun(Path.Combine(Run, "mix", "fold-1"), "mix", 1, 6);
        File.WriteAllText(Path.Combine(Run, "args.json"), "{\"command\":\"reproduce\",\"data\":\"synthetic\"}");
        File.WriteAllText(Path.Combine(Run, "summary.json"), summary);
        var data = Build(Run);
        Assert.Contains(data.Notes, note => note.Contains(reason, StringComparison.Ordinal));
        Assert.Contains("The reproduction is not done", data.Details[0].Text, StringComparison.Ordinal);
    }

    // Every report is also written, so that no picture fails on the numbers that are left.
    private static ReportData Build(params string[] runs)
    {
        var data = ReportBuilder.Build(runs, null, IProgressSink.None, TestContext.Current.CancellationToken);
        Assert.EndsWith("</html>\n", ReportPage.Of(data), StringComparison.Ordinal);
        return data;
    }
}
