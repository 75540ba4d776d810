using System.Globalization;
using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Submissions;
using VideoSim.Models.Synthesis;
using VideoSim.Models.Text;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

/// <summary>What a reproduction tells its runs and its data.</summary>
public sealed class ReproductionTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;
    private readonly CpuDevice _device = new(threads: 1);

    public void Dispose()
    {
        _device.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void RunOf_EveryModel_HasASeedOfItsOwnThatTheOtherModelsDoNotChange()
    {
        var all = Options(ModelZoo.Names);
        ulong[] seeds = [.. ModelZoo.Names.Select(model => all.RunOf(model, "run").Seed)];
        Assert.Equal(seeds.Length, seeds.Distinct().Count());
        Assert.Equal(seeds, ModelZoo.Names.Select(model => Options([model]).RunOf(model, "run").Seed));
        Assert.All(seeds.Zip(ModelZoo.Names), pair => Assert.NotEqual(pair.First, (all with { Seed = 99 }).RunOf(pair.Second, "run").Seed));
    }

    [Fact]
    public void RunOf_EveryOption_ReachesTheRun()
    {
        string file = Path.Combine(_root, "words.txt");
        File.WriteAllText(file, "天地 3\n");
        var options = Options(["uniter"]) with
        {
            Preset = "tiny",
            Overrides = ["pretrain.steps=3"],
            Dictionary = JiebaDictionary.Load(file),
            SkipBadRecords = true,
            VideoDisjoint = true,
            Eager = true,
        };
        Assert.Equal(new RunOptions
        {
            OutputDirectory = "run", Preset = "tiny", Model = "uniter", Overrides = options.Overrides, Seed = options.RunOf("uniter", "run").Seed, Dictionary = options.Dictionary,
            SkipBadRecords = true, VideoDisjoint = true, Eager = true, IsPart = true,
        }, options.RunOf("uniter", "run"));
        var plain = Options(["uniter"]).RunOf("uniter", "run");
        Assert.False(plain.SkipBadRecords || plain.VideoDisjoint || plain.Eager);
    }

    // Where rates are 0, pretraining ends with the weights that it began with; uniter has no running statistics.
    [Fact]
    public void Run_RandomWeights_AreThoseThatPretrainingBeginsWith()
    {
        string data = Path.Combine(_root, "data"), output = Path.Combine(_root, "out");
        TinyData.Write(data);
        var notes = new Notes();
        var summary = new ReproductionRun(_device, Options(["uniter"]) with
        {
            OutputDirectory = output,
            Data = data,
            Folds = 1,
            Overrides = [.. TinyData.Overrides, "pretrain.rate=0", "pretrain.encoder_rate=0", "pretrain.steps=2", "pretrain.warmup=1", "pretrain.encoder_warmup=1", "finetune.steps=3"],
        }, notes, TimeProvider.System, TestContext.Current.CancellationToken).RunAll().Summary;
        AssertNotes(summary.Models["uniter"], notes.Lines);
        EmbeddingTable random = Read("random"), pretrained = Read("pretrain"), finetuned = Read("fold-1");
        Assert.Equal(Rows(random), Rows(pretrained));
        Assert.NotEqual(Rows(random), Rows(finetuned));
        Assert.Null(random.Origin);
        Assert.Equal(("uniter", null, "uniter", 1), (pretrained.Origin!.Model, pretrained.Origin.Fold, finetuned.Origin!.Model, finetuned.Origin.Fold));

        EmbeddingTable Read(string name) => SubmissionFile.Read(Path.Combine(output, "uniter", "embeddings", $"{name}.zip"));
        static IEnumerable<double> Rows(EmbeddingTable table) => Enumerable.Range(0, table.Ids.Count).SelectMany(row => table[row].ToArray());
    }

    // As the challenge published its data.
    [Fact]
    public void Run_WithoutTestLabels_LeavesScoresOutAndMakesTheSubmission()
    {
        string data = Path.Combine(_root, "data"), output = Path.Combine(_root, "out");
        TinyData.Write(data);
        File.Delete(Path.Combine(data, "test_a", "label.tsv"));
        string labels = Path.Combine(data, "test_b", "label.tsv");
        File.Move(labels, labels + ".kept");
        var options = Options(["mix"]) with { OutputDirectory = output, Data = data, Folds = 1, Overrides = [.. TinyData.Overrides, "pretrain.steps=2", "pretrain.warmup=1", "pretrain.encoder_warmup=1", "finetune.steps=3"] };
        var notes = new Notes();
        var summary = Run(notes);
        var mix = summary.Models["mix"];
        Assert.All([mix.RandomSpearman, mix.PretrainSpearman, mix.TestSpearman, mix.Folds[0].TestSpearman, summary.Ensemble.TestSpearman, summary.Ensemble.NormalizedTestSpearman], Assert.Null);
        Assert.Null(summary.Baselines);
        Assert.Equal(TinyData.TestVideos, SubmissionFile.Read(Path.Combine(output, "result.zip")).Ids.Count);
        Assert.Equal([$"{labels}: there is no such file; scores are left out"], notes.Lines.Where(static line => line.Contains("test_b", StringComparison.Ordinal)));
        string text = File.ReadAllText(Path.Combine(output, "summary.json"));
        Assert.DoesNotContain("baselines", text, StringComparison.Ordinal);
        Assert.Contains("val_spearman", text, StringComparison.Ordinal);
        Assert.DoesNotContain("test_spearman", text, StringComparison.Ordinal);

        // Labels that are found later give scores, and train nothing again.
        byte[] submission = File.ReadAllBytes(Path.Combine(output, "result.zip"));
        File.Move(labels + ".kept", labels);
        Assert.NotNull(Run(new Notes()).Ensemble.TestSpearman);
        string scored = File.ReadAllText(Path.Combine(output, "summary.json"));
        File.Delete(labels); // scores that are there are not lost
        Assert.Null(Run(notes).Ensemble.TestSpearman);
        Assert.Equal(scored, File.ReadAllText(Path.Combine(output, "summary.json")));
        Assert.EndsWith("stays as it is: it has the scores of an earlier run with labels", notes.Lines[^1], StringComparison.Ordinal);
        Assert.Equal(submission, File.ReadAllBytes(Path.Combine(output, "result.zip")));

        ReproductionSummary Run(Notes sink) => new ReproductionRun(_device, options, sink, TimeProvider.System, TestContext.Current.CancellationToken).RunAll().Summary;
    }

    // Stopped after the first shard: a whole dataset takes seconds.
    [Fact]
    public void Run_WithoutData_MakesTheDataOfItsSeed()
    {
        var first = Enumerable.Range(0, 3).Select(i => FirstVideo(seed: (ulong)i)).ToList();
        Assert.Equal(3, first.Distinct().Count());
        string expected = Path.Combine(_root, "expected");
        SyntheticDataset.Write(new SyntheticDatasetOptions { Seed = 2, Videos = 4, Pairs = 1, PairVideos = 3, TestVideos = 90, Frames = null }, expected, IProgressSink.None, TestContext.Current.CancellationToken);
        Assert.Equal(first[2], Head(expected));

        string FirstVideo(ulong seed)
        {
            string output = Path.Combine(_root, $"seed-{seed}");
            using var stop = new StopAtData(output);
            Assert.ThrowsAny<OperationCanceledException>(() => new ReproductionRun(_device, Options(["mix"]) with { OutputDirectory = output, Seed = seed }, stop, TimeProvider.System, stop.Token).RunAll());
            Assert.False(Directory.Exists(Path.Combine(output, "data")));
            return stop.Head;
        }

    }

    private static string Head(string folder) =>
        Convert.ToHexString(File.ReadAllBytes(Directory.GetFiles(folder, "pretrain_0.tfrecords", SearchOption.AllDirectories).Single()).AsSpan(0, 1000));

    // Every score when it is known, in order; those of the validations in between.
    private static void AssertNotes(ModelSummary model, List<string> lines)
    {
        string[] expected = ["random weights", "pretrained", "fold 1", "mean of 1 folds"];
        double?[] scores = [model.RandomSpearman, model.PretrainSpearman, model.Folds[0].TestSpearman, model.TestSpearman];
        Assert.Equal(expected.Zip(scores, static (what, score) => string.Create(CultureInfo.InvariantCulture, $"uniter, {what}: Spearman on test_b {score:F4}")),
            lines.Where(static line => line.Contains("test_b", StringComparison.Ordinal)));
        string validation = string.Create(CultureInfo.InvariantCulture, $": step 3, validation {model.Folds[0].ValSpearman:F4} (");
        Assert.Single(lines, line => line.Contains(validation, StringComparison.Ordinal));
        Assert.Equal(2, lines.Count(static line => line.Contains(": step 0, validation ", StringComparison.Ordinal)));
    }

    private static ReproductionOptions Options(IReadOnlyList<string> models) => new() { OutputDirectory = "out", Preset = "micro", Models = models, Seed = 11 };

    // Stops when the first shard is complete.
    private sealed class StopAtData(string output) : IProgressSink, IDisposable
    {
        private readonly CancellationTokenSource _stop = new();

        public CancellationToken Token => _stop.Token;

        public string Head { get; private set; } = "";

        public void Begin(string label, long total, long done)
        {
        }

        public void Report(long done, string text)
        {
            if (_stop.IsCancellationRequested || Directory.GetFiles(output, "pretrain_1.tfrecords", SearchOption.AllDirectories).Length == 0)
                return;
            Head = ReproductionTests.Head(output);
            _stop.Cancel();
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
