using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Cuda;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

/// <summary>A whole study of tiny models on tiny data. It publishes the numbers in the files of its runs.</summary>
public sealed class ClaimsStudyRunTests(FinishedStudy study) : IClassFixture<FinishedStudy>
{
    private const string Mix = "mix";

    [Fact]
    public void Run_Claims_AreWhatTheRunsOfEverySeedLeft()
    {
        Assert.Equal(3, study.Summary.Claims[0].With.Distinct().Count()); // the seeds differ
        Assert.Equal([FinishedStudy.Seed, FinishedStudy.Seed + 1, FinishedStudy.Seed + 2], study.Summary.Seeds);
        var expected = new List<(string, Func<string, (double With, double Without)>)>
        {
            ("the contrastive term helps pretraining", seed => (Score(seed, Mix, "pretrain"), Score(seed, "study", "no-contrastive"))),
            ("squared error alone overfits", seed => (-TrainingError(seed, "study", "squared-error"), -TrainingError(seed, Mix, "fold-1"))),
            ("squared error alone overfits", seed => (Score(seed, Mix, "fold-1"), Score(seed, "study", "squared-error"))),
            ("the KL term helps", seed => (Score(seed, "study", "squared-error-and-kl"), Score(seed, "study", "squared-error"))),
            ("the tag term helps", seed => (Score(seed, "study", "squared-error-and-tags"), Score(seed, "study", "squared-error"))),
        };
        foreach (string plain in new[] { "mix", "uniter" })
        {
            string asymmetric = $"{plain}-asl";
            expected.Add(("the asymmetric loss beats cross-entropy", seed => (TagF1(seed, asymmetric), TagF1(seed, plain))));
            expected.Add(("the asymmetric loss beats cross-entropy", seed => (Score(seed, asymmetric, "pretrain"), Score(seed, plain, "pretrain"))));
            expected.Add(("the asymmetric loss beats cross-entropy", seed => (ScoreOfMean(seed, asymmetric), ScoreOfMean(seed, plain))));
        }
        expected.Add(("fold averaging gains", seed => (ModelZoo.Names.Average(model => ScoreOfMean(seed, model)),
            ModelZoo.Names.Average(model => (Score(seed, model, "fold-1") + Score(seed, model, "fold-2")) / 2))));
        expected.Add(("the ensemble gains", seed => (ScoreOf(seed, Submission(seed)), ModelZoo.Names.Max(model => ScoreOfMean(seed, model)))));
        expected.Add(("the ensemble gains", seed => (ScoreOfNormalized(seed), ModelZoo.Names.Max(model => ScoreOfMean(seed, model)))));

        Assert.Equal(expected.Select(static claim => claim.Item1), study.Summary.Claims.Select(static claim => claim.Claim));
        foreach (var (claim, (name, values)) in study.Summary.Claims.Zip(expected))
        {
            var ofSeeds = study.Seeds.Select(values).ToList();
            AssertNear(ofSeeds.Select(static pair => pair.With), claim.With, $"{name}, {claim.Measure}: with");
            AssertNear(ofSeeds.Select(static pair => pair.Without), claim.Without, $"{name}, {claim.Measure}: without");
        }
    }

    // They differ from mix in nothing but the losses that are left out; their seed is the same.
    [Theory]
    [InlineData("no-contrastive", "mix/pretrain", "pretrain", "contrastive_weight")]
    [InlineData("squared-error", "mix/fold-1", "finetune", "kl_weight", "tag_weight")]
    [InlineData("squared-error-and-kl", "mix/fold-1", "finetune", "tag_weight")]
    [InlineData("squared-error-and-tags", "mix/fold-1", "finetune", "kl_weight")]
    public void Run_Variants_DifferFromMixInTheLossesTheyLeaveOut(string variant, string original, string stage, params string[] without)
    {
        foreach (string seed in study.Seeds)
        {
            JsonNode expected = Arguments(original), actual = Arguments(Path.Combine("study", variant));
            foreach (string key in without)
            {
                Assert.NotEqual(0, expected[stage]!["losses"]![key]!.GetValue<double>());
                expected[stage]!["losses"]![key] = 0;
            }
            Assert.Equal(expected.ToJsonString(), actual.ToJsonString());

            JsonNode Arguments(string run) => JsonNode.Parse(File.ReadAllText(Path.Combine(seed, run, "args.json")))!;
        }
    }

    [Fact]
    public void Run_Summaries_HoldTheScoresOfTheFiles()
    {
        foreach (string seed in study.Seeds)
        {
            var summary = Deserialize(File.ReadAllText(Path.Combine(seed, "summary.json")));
            Assert.Equal(ModelZoo.Names, summary.Models.Keys);
            foreach (var (name, model) in summary.Models)
            {
                AssertNear([Score(seed, name, "random"), Score(seed, name, "pretrain"), ScoreOfMean(seed, name)], [model.RandomSpearman!.Value, model.PretrainSpearman!.Value, model.TestSpearman!.Value], name);
                Assert.Equal([1, 2], model.Folds.Select(static fold => fold.Fold));
                AssertNear(model.Folds.Select(fold => Score(seed, name, $"fold-{fold.Fold}")), model.Folds.Select(static fold => fold.TestSpearman!.Value), name);
                AssertNear(model.Folds.Select(fold => RunMetrics.Series(Path.Combine(seed, name, $"fold-{fold.Fold}"), "val_spearman")[^1]), model.Folds.Select(static fold => fold.ValSpearman!.Value), name);
                Assert.Equal(ModelZoo.Find(name).EnsembleWeight, summary.Ensemble.Weights[name]);
            }
            AssertNear([ScoreOf(seed, Submission(seed)), ScoreOfNormalized(seed)], [summary.Ensemble.TestSpearman!.Value, summary.Ensemble.NormalizedTestSpearman!.Value], seed);
            Assert.Null(summary.BestPossibleSpearman); // tiny data comes without its truth
        }
    }

    // Models with equal random numbers have similar errors, and an ensemble does not reduce them. Variants use the
    // random numbers of mix, so that only a loss differs.
    [Fact]
    public void Run_EveryModelStageAndFold_HasAKeyOfItsOwn() => Assert.Equal(ModelZoo.Names.Length * (1 + FinishedStudy.Folds), study.Keys.Count);

    // What the plan says of the disk, on a run that has both its checkpoints.
    [Fact]
    public void Plan_DiskBytes_AreThoseOfAFinishedRun()
    {
        var plan = ReproductionPlan.Of("micro", [Mix], folds: 1, overrides: [], packsProducts: true).Runs[0];
        string folder = Path.Combine(study.Seeds[0], Mix, "fold-2");
        using var weights = SafetensorsReader.Open(Path.Combine(folder, "last", "model.safetensors"));
        long parameters = weights.Entries.Where(static entry => !entry.Name.Contains("running_", StringComparison.Ordinal)).Sum(static entry => entry.ElementCount);
        long bytes = Directory.GetFiles(folder, "*.safetensors", SearchOption.AllDirectories).Sum(static file => new FileInfo(file).Length);
        Assert.InRange(bytes, plan.DiskBytes / plan.Parameters * parameters, plan.DiskBytes / plan.Parameters * parameters * 1.15); // names and running statistics come on top
    }

    [Fact]
    public void Run_Again_ReadsEverythingAndGivesTheSame()
    {
        string text = File.ReadAllText(Path.Combine(study.Root, "claims.json"));
        var again = study.Run();
        Assert.Equal(JsonSerializer.Serialize(study.Summary with { Seconds = 0 }), JsonSerializer.Serialize(again with { Seconds = 0 }));
        Assert.Equal(JsonNode.Parse(text)!["claims"]!.ToJsonString(), JsonNode.Parse(File.ReadAllText(Path.Combine(study.Root, "claims.json")))!["claims"]!.ToJsonString());
    }

    private static ReproductionSummary Deserialize(string json) => JsonSerializer.Deserialize(json, ReproductionJson.Default.ReproductionSummary)!;

    private static EmbeddingTable Table(string seed, string folder, string run) => SubmissionFile.Read(Path.Combine(seed, folder, "embeddings", $"{run}.zip"));

    private static EmbeddingTable Mean(string seed, string model) => Ensemble.Mean(Enumerable.Range(1, FinishedStudy.Folds).Select(fold => Table(seed, model, $"fold-{fold}")));

    private static EmbeddingTable Submission(string seed) => SubmissionFile.Read(Path.Combine(seed, "result.zip"));

    private static double Score(string seed, string folder, string run) => ScoreOf(seed, Table(seed, folder, run));

    private static double ScoreOfMean(string seed, string model) => ScoreOf(seed, Mean(seed, model));

    private static double ScoreOfNormalized(string seed) =>
        ScoreOf(seed, Ensemble.WeightedSum(ModelZoo.Names.Select(model => (Mean(seed, model), ModelZoo.Find(model).EnsembleWeight)), normalize: true));

    private static double ScoreOf(string seed, EmbeddingTable table) => Scoring.Spearman(table, new DataFolder(Path.Combine(seed, "data")).TestLabels("b"))!.Value;

    private static double TagF1(string seed, string model) => Metrics(seed, model, "pretrain", "tag_f1")[^1];

    // Of the last five of seven lines.
    private static double TrainingError(string seed, string folder, string run)
    {
        double[] errors = Metrics(seed, folder, run, "squared_error");
        Assert.Equal(7, errors.Length);
        return (errors[2] + errors[3] + errors[4] + errors[5] + errors[6]) / 5;
    }

    private static double[] Metrics(string seed, string folder, string run, string key) =>
        [.. File.ReadLines(Path.Combine(seed, folder, run, "metrics.jsonl")).Select(line => JsonNode.Parse(line)![key]).OfType<JsonNode>().Select(static value => value.GetValue<double>())];

    private static void AssertNear(IEnumerable<double> expected, IEnumerable<double> actual, string what)
    {
        Assert.Equal(expected.Count(), actual.Count());
        foreach (var (one, other) in expected.Zip(actual))
            Assert.True(Math.Abs(one - other) < 1e-9, $"{what} is {other}, not {one}");
    }
}

/// <summary>
/// A finished study. The data is tiny: the study is stopped when it begins to make data. Only the first seed is
/// trained: writing so many checkpoints takes longer than all the rest; the others are found complete.
/// </summary>
public sealed class FinishedStudy : IDisposable
{
    internal const ulong Seed = 3;
    internal const int Folds = 2;

    private readonly List<NotingStream> _noted = [];

    public FinishedStudy()
    {
        Assert.ThrowsAny<OperationCanceledException>(Run);
        Assert.ThrowsAny<OperationCanceledException>(Run); // after the first seed
        foreach (int later in new[] { 1, 2 })
            CopyFirstSeed(later);
        Summary = Run();
    }

    internal string Root { get; } = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    internal StudySummary Summary { get; }

    /// <summary>Folders of the seeds.</summary>
    internal IReadOnlyList<string> Seeds => [.. Enumerable.Range(0, 3).Select(i => Path.Combine(Root, $"seed-{Seed + (ulong)i}"))];

    /// <summary>Keys of dropout in the runs of the first seed.</summary>
    internal HashSet<ulong> Keys => [.. _noted[1].Draws.Select(static draw => draw.Seed)];

    /// <summary>Runs the study, or goes on with it, to the next seed that has no data.</summary>
    internal StudySummary Run()
    {
        using var device = new CpuDevice(threads: 1);
        _noted.Add(new NotingStream(device.Stream));
        using var data = new TinyDataInstead(Root);
        return ClaimsStudy.Run(new Redirected(device, _noted[^1]), new ReproductionOptions
        {
            OutputDirectory = Root, Preset = "micro", Models = ModelZoo.Names, Seed = Seed, Folds = Folds,
            Overrides =
            [
                .. TinyData.Overrides, "model.encoder.hidden_size=32", "model.encoder.num_hidden_layers=1", "model.encoder.intermediate_size=32",
                "pretrain.steps=2", "pretrain.warmup=1", "pretrain.encoder_warmup=1", "finetune.log_every=1", "finetune.steps=7",
            ],
        }, data, TimeProvider.System, data.Token);
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);

    // The runs of another seed, as if they had the same weights at the end. Their data and their logs are their own.
    private void CopyFirstSeed(int later)
    {
        foreach (string file in Directory.GetFiles(Seeds[0], "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(Seeds[later], Path.GetRelativePath(Seeds[0], file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy, overwrite: true);
            if (Path.GetFileName(file) == "args.json")
            {
                string text = File.ReadAllText(file).Replace(Seeds[0], Seeds[later], StringComparison.Ordinal);
                File.WriteAllText(copy, Regex.Replace(text, "(\"seed\": )(\\d+)", match => $"{match.Groups[1].Value}{int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) + later}"));
            }
            else if (Path.GetFileName(file) == "metrics.jsonl")
            {
                File.WriteAllText(copy, Regex.Replace(File.ReadAllText(file), "(\"(?:squared_error|tag_f1)\":0\\.)", $"${{1}}{later}"));
            }
        }
        string labels = new DataFolder(Path.Combine(Seeds[later], "data")).TestLabels("b");
        string[][] lines = [.. File.ReadLines(labels).Select(static line => line.Split('\t'))];
        File.WriteAllLines(labels, lines.Select((line, i) => $"{line[0]}\t{line[1]}\t{lines[(i + later) % lines.Length][2]}"));
    }

    private sealed class TinyDataInstead(string root) : IProgressSink, IDisposable
    {
        private readonly CancellationTokenSource _stop = new();

        public CancellationToken Token => _stop.Token;

        public void Begin(string label, long total, long done)
        {
            if (label != "synthetic data")
                return;
            string seed = Directory.GetDirectories(root, "seed-*").Single(static folder => !Directory.Exists(Path.Combine(folder, "data")));
            TinyData.Write(Path.Combine(seed, "data"));
            _stop.Cancel();
        }

        public void Report(long done, string text)
        {
        }

        public void End(string text)
        {
        }

        public void Note(string text)
        {
        }

        public void Dispose() => _stop.Dispose();
    }
}
