using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Reports;
using Xunit;

namespace VideoSim.Models.Tests.Reports;

/// <summary>Numbers and texts that no training writes: the page is made, and a note names the file.</summary>
public sealed class ReportHostileTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("videosim-test-");

    private string Run => Path.Combine(_root.FullName, "run");

    public void Dispose() => _root.Delete(recursive: true);

    [Theory]
    [InlineData(7, 7.000000000000001)]
    [InlineData(-1.0000000000000002e17, -1e17)]
    [InlineData(5e-324, 1e-323)]
    [InlineData(0, 0)]
    [InlineData(-3e38, 3e38)]
    [InlineData(0.5, 0.50000000000000011)]
    public void Axis_OfAnyRange_HasFewTicksInside(double low, double high)
    {
        foreach (bool wholeNumbers in new[] { false, true })
        {
            var axis = Axis.Linear(low, high, 10, 90, 4, wholeNumbers);
            Assert.InRange(axis.Ticks.Count, 1, 12);
            Assert.All(axis.Ticks.Append(low).Append(high), value => Assert.InRange(axis[value], 10, 90));
        }
    }

    [Fact]
    public void Axis_OfANarrowRange_HasTicksThatDiffer()
    {
        var axis = Axis.Linear(0.84000, 0.84001, 0, 1, 4);
        Assert.Equal(axis.Ticks.Count, axis.Ticks.Select(tick => Figure.Tick(tick, axis.TickDigits)).Distinct().Count());
    }

    [Theory]
    [InlineData(1e308)]
    [InlineData(-1e308)]
    [InlineData(double.MaxValue)]
    [InlineData(1e15)]
    [InlineData(5e-324)]
    [InlineData(1e-10)]
    public void Figures_OfAnyMagnitude_AreShort(double value)
    {
        Assert.All(Figure.AllTexts(value).Append(Figure.Tick(value)).Append(Figure.RateTick(value)), static text => Assert.InRange(text.Length, 1, 13));
        Assert.Equal("−1e308", Figure.Score(-1e308).Text);
        Assert.Equal("4.94e−324", Figure.Quantity(5e-324).Text);
    }

    [Theory]
    [InlineData("metrics.jsonl", "{\"step\":1,\"loss\":-1.7e308}\n{\"step\":2,\"loss\":1.7e308}\n", "the loss of step 1 is not a finite number that a float can hold and is left out, and so are 1 more")]
    [InlineData("metrics.jsonl", "{\"step\":1,\"loss\":1}\n{\"step\":\"5\",\"loss\":2}\n", "the step \"5\" is not a whole number from 0 to 6; its line is left out")]
    [InlineData("metrics.jsonl", "{\"step\":1,\"loss\":1}\n{\"step\":7,\"loss\":2}\n", "the step 7 is not a whole number from 0 to 6; its line is left out")]
    [InlineData("metrics.jsonl", "{\"step\":1,\"loss\":1}\n{\"loss\":2}\n", "the step that is missing is not a whole number from 0")]
    [InlineData("metrics.jsonl", "{\"step\":1,\"val_spearman\":5}\n", "the val_spearman of step 1 is not a number from −1 to 1")]
    [InlineData("timing.jsonl", "{\"step\":1,\"seconds\":1,\"input\":1e308,\"train\":1e308}\n", "the input of step 1 is not a number of seconds from 0 to 1e9")]
    [InlineData("timing.jsonl", "{\"step\":1,\"seconds\":1,\"input\":2,\"train\":3}\n", "the parts take longer than the whole time")]
    [InlineData("inputs.json", "[{\"path\":\"a\",\"bytes\":1,\"sha256\":\"b\"},null]", "entry 2 is not a path, a size and a SHA-256; it is left out")]
    [InlineData("inputs.json", "[{\"path\":\"a\",\"bytes\":-1,\"sha256\":\"b\"}]", "entry 1 is not a path, a size and a SHA-256; it is left out")]
    [InlineData("validation.tsv", "a\tb\t0.5\t7\n", "line 1 is not two ids, a label and a cosine; the file is left out")]
    [InlineData("validation.tsv", "a\tb\t1e308\t0.5\n", "line 1 is not two ids, a label and a cosine; the file is left out")]
    [InlineData("validation.tsv", "", "has no pairs; the file is left out")]
    [InlineData("embeddings.json", "{\"videos\":3}", "a number of the embeddings is missing or outside of its range")]
    [InlineData("embeddings.json", "{\"videos\":3,\"width\":2,\"norm_mean\":1,\"norm_deviation\":0,\"norm_min\":1,\"norm_max\":1,\"effective_rank\":1e300,\"mean_cosine\":0,\"near_duplicates\":0}", "outside of its range")]
    [InlineData("embeddings.json", "{\"videos\":3,\"width\":2,\"norm_mean\":1,\"norm_deviation\":0,\"norm_min\":1,\"norm_max\":1,\"effective_rank\":1,\"mean_cosine\":0,\"near_duplicates\":4}", "outside of its range")]
    public void Report_ValueThatCannotBe_IsNamed(string file, string content, string reason)
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 6);
        File.WriteAllText(Path.Combine(Run, file), content);
        var data = Build(Run);
        Assert.Contains(data.Notes, note => note.Contains($"{file}: {reason}", StringComparison.Ordinal) || (note.Contains(file, StringComparison.Ordinal) && note.Contains(reason, StringComparison.Ordinal)));
        Assert.All(data.Times, static time => Assert.InRange(time.InputShare + time.TrainShare + time.ValidationShare + time.SavingShare + time.OtherShare, 0, 1 + 1e-12));
    }

    [Fact]
    public void Report_ValidationThatWasCut_GivesNoFigures()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 6);
        string file = Path.Combine(Run, "validation.tsv");
        string whole = File.ReadAllText(file);
        Assert.NotEmpty(Build(Run).Reliability);
        foreach (int cut in new[] { 1, 3, whole.Length / 2 })
        {
            File.WriteAllText(file, whole[..^cut]);
            Check("the last line is not complete; the file is left out");
        }
        File.WriteAllText(file, whole[..(whole.IndexOf('\n', whole.Length / 2) + 1)]);
        Check("but the newest validation in metrics.jsonl has");

        void Check(string reason)
        {
            var data = Build(Run);
            Assert.Empty(data.Reliability);
            Assert.Empty(data.WorstPairs);
            Assert.Null(data.Runs[0].IntervalLow);
            Assert.Contains(data.Notes, note => note.StartsWith(file, StringComparison.Ordinal) && note.Contains(reason, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Report_PathOfDataWithANul_IsNamed()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 6, data: "/a\0b");
        Assert.Contains(Build(Run).Notes, static note => note.Contains("args.json: data is not a path", StringComparison.Ordinal));
    }

    [Fact]
    public void Report_StepsThatAreNoNumber_AreRefused()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 6);
        EditArguments(static arguments => arguments["finetune"]!["steps"] = 1e300);
        Assert.Contains("args.json: is not that of a training run", Assert.Throws<DataException>(() => Build(Run)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_TextsOfAnyLength_AreCut()
    {
        string text = new('x', 100_000);
        ArtificialRuns.WriteRun(Run, "mix", 1, 6);
        EditArguments(arguments => { arguments["model"]!["model"] = text; arguments["seed"] = text; arguments["version"] = text; arguments["preset"] = text; });
        ArtificialRuns.Append(Run, "metrics.jsonl", $"{{\"step\":6,\"rollback\":1,\"to\":3,\"reason\":\"{text}\"}}\n");
        File.WriteAllText(Path.Combine(Run, "environment.json"), $"{{\"sessions\":[{{\"command_line\":[\"{text}\"],\"machine\":\"{text}\"}}]}}");
        Assert.InRange(ReportPage.Of(Build(Run)).Length, 0, 100_000);
    }

    [Fact]
    public void Report_FoldsThatAreTheSame_AreCountedOnce()
    {
        ArtificialRuns.WriteRun(Path.Combine(Run, "fold-1"), "mix", 1, 6);
        ArtificialRuns.WriteRun(Path.Combine(Run, "fold-2"), "mix", 1, 6);
        var data = Build(Run);
        Assert.Equal(["mix fold 1"], data.Runs.Select(static run => run.Name));
        Assert.Contains(data.Notes, static note => note.EndsWith("fold-2: has the model, stage and fold of fold-1; the run is left out", StringComparison.Ordinal));
    }

    [Fact]
    public void Report_MetricsThatAreAFolder_AreNamed()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 6);
        File.Delete(Path.Combine(Run, "metrics.jsonl"));
        Directory.CreateDirectory(Path.Combine(Run, "metrics.jsonl"));
        var data = Build(Run);
        Assert.Contains(data.Notes, static note => note.EndsWith("metrics.jsonl: is a folder, not a file, and is left out", StringComparison.Ordinal));
        Assert.Contains("the run: no losses and no validations: metrics.jsonl is missing or has none", data.Notes);
    }

    [Fact]
    public void CommandLine_IsQuotedAsAShellReadsIt()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 6);
        File.WriteAllText(Path.Combine(Run, "environment.json"), JsonSerializer.Serialize(new { sessions = new[] { new { command_line = new[] { "videosim", "it's a", "$(x)", "a;b", "", "--set", "finetune.rate=1e-4", "~/c", "数据" } } } }));
        Assert.Equal("videosim 'it'\\''s a' '$(x)' 'a;b' '' --set finetune.rate=1e-4 '~/c' 数据", Build(Run).Runs[0].Sessions[0].CommandLine);
    }

    [Fact]
    public void Verdict_ComparesFoldsThatAllHave()
    {
        string all = Path.Combine(_root.FullName, "all"), one = Path.Combine(_root.FullName, "one"), other = Path.Combine(_root.FullName, "other");
        foreach (int fold in new[] { 1, 2, 3 })
            ArtificialRuns.WriteRun(Path.Combine(all, $"fold-{fold}"), "mix", fold, 6);
        ArtificialRuns.WriteRun(one, "mix", 1, 6);
        Assert.EndsWith("on fold 1, the only one that all have", Build(all, one).Verdict.Text, StringComparison.Ordinal);
        Assert.StartsWith("Both groups of runs have the same validation of 0.", Build(all, one).Verdict.Text, StringComparison.Ordinal);
        ArtificialRuns.WriteRun(one, "mix", 4, 6);
        ArtificialRuns.WriteRun(other, "mix", 4, 6);
        Assert.Equal("3 groups of runs have no fold in common, so their validations are not compared", Build(all, one, other).Verdict.Text);
    }

    [Fact]
    public void Title_OfManyFolders_IsShort()
    {
        string[] folders = [.. Enumerable.Range(1, 9).Select(i => Path.Combine(_root.FullName, $"r{i}"))];
        foreach (string folder in folders)
            ArtificialRuns.WriteRun(folder, "mix", 1, 6);
        Assert.Equal("r1, r2, r3 and 6 more", Build(folders).Title);
        Assert.Equal("r1, r2, r3, r4", Build(folders[..4]).Title);
    }

    [Fact]
    public void NearDuplicates_AreThoseOfOneRun()
    {
        foreach (int fold in new[] { 1, 2, 3 })
            ArtificialRuns.WriteRun(Path.Combine(Run, $"fold-{fold}"), "mix", fold, 6);
        Assert.EndsWith("of 256 dimensions; at most 2 near-duplicates in a run", Build(Run).Findings["health"].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Marks_AreAtTheSamePlaceInAllFiguresOfAStage()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 100);
        File.WriteAllText(Path.Combine(Run, "timing.jsonl"), "{\"step\":10,\"seconds\":1,\"samples_per_second\":5}\n{\"step\":20,\"seconds\":1,\"samples_per_second\":6}\n");
        ArtificialRuns.Append(Run, "metrics.jsonl", "{\"step\":90,\"rollback\":1,\"to\":50,\"reason\":\"x\"}\n");
        string page = ReportPage.Of(Build(Run));
        double[] shares = [.. page.Split("<svg ").Skip(1).Where(static svg => svg.Contains("class=\"rollback\"", StringComparison.Ordinal)).Select(static svg => (At(svg, "class=\"rollback\" d=\"M") - At(svg, "class=\"g\" d=\"M")) / (388 - At(svg, "class=\"g\" d=\"M")))];
        Assert.InRange(shares.Length, 5, 10);
        Assert.All(shares, static share => Assert.Equal(0.9, share, 0.002));

        static double At(string svg, string before)
        {
            int from = svg.IndexOf(before, StringComparison.Ordinal) + before.Length;
            return double.Parse(svg.AsSpan(from, svg.IndexOf(' ', from) - from), System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    [Fact]
    public void Labels_WithACommonBeginning_StayDifferent()
    {
        string start = new('a', 200);
        var shown = ChartLabels.Shorten([$"{start}-first", $"{start}-second", $"{start}-first"]);
        Assert.Equal(["…aa-first", "…aa-second"], shown.Values);
        Assert.Equal(["mix", "mix two"], ChartLabels.Shorten(["mix", "mix two"]).Values);
        Assert.NotEqual(Svg.Fit($"1{start}", 100), Svg.Fit($"2{start}", 100));
        Assert.NotEqual(Svg.Fit($"{start}1", 100), Svg.Fit($"{start}2", 100));
        Assert.InRange(Svg.WidthOf(Svg.Fit(start, 100)), 80, 100);
    }

    [Fact]
    public void Colors_OfMoreThanSixGroups_HaveASecondSign() =>
        Assert.Equal(24, Enumerable.Range(0, 24).Select(LineChart.ColorClass).Distinct().Count());

    [Fact]
    public void Reader_WithNothingToValidate_ShowsNoProgressOfModels()
    {
        ArtificialRuns.WriteRun(Run, "mix", null, 6);
        File.Delete(Path.Combine(Run, "validation.tsv"));
        var progress = new Begun();
        ReportBuilder.Build([Run], null, progress, TestContext.Current.CancellationToken);
        Assert.Equal(["intervals of runs"], progress.Names);
    }

    [Fact]
    public void WorstPairs_TitleOfBlanks_IsShownAsNone()
    {
        ArtificialRuns.WriteRun(Run, "mix", 1, 6);
        var data = Build(Run);
        Assert.Contains("(no title)<small>", ReportPage.Of(data with { WorstPairs = [data.WorstPairs[0] with { LeftTitle = " " }] }), StringComparison.Ordinal);
    }

    [Fact]
    public void Html_OfASentence_KeepsOptionsWhole()
    {
        Assert.Equal("Lower <span class=\"option\">--learning-rate</span>. &lt;b&gt;", Html.Sentence("Lower --learning-rate. <b>"));
        Assert.Equal("<bdi>a\\ufeffb\\ufff9c\\U000e0041 \u200D</bdi>", Html.Foreign("a\uFEFFb\uFFF9c\U000E0041 \u200D"));
    }

    private void EditArguments(Action<JsonObject> edit)
    {
        string file = Path.Combine(Run, "args.json");
        var arguments = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        edit(arguments);
        File.WriteAllText(file, arguments.ToJsonString());
    }

    // Every report is also written, in both forms.
    private static ReportData Build(params string[] runs)
    {
        var data = ReportBuilder.Build(runs, null, IProgressSink.None, TestContext.Current.CancellationToken);
        Assert.EndsWith("</html>\n", ReportPage.Of(data), StringComparison.Ordinal);
        Assert.NotEmpty(JsonSerializer.Serialize(data, ReportJson.Default.ReportData));
        return data;
    }

    private sealed class Begun : IProgressSink
    {
        public List<string> Names { get; } = [];

        public void Begin(string label, long total, long done) => Names.Add(label);

        public void Report(long done, string text)
        {
        }

        public void End(string text)
        {
        }

        public void Note(string text)
        {
        }
    }
}
