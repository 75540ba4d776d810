using System.Text.Json.Nodes;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Optimizers;
using VideoSim.Kernels.Optimizers;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;
using VideoSim.Models.Tests.Cuda;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>What the runs of both stages give their kernels: rates, epsilon, keys of masks, batches.</summary>
public sealed class StageRunTests(NotedRuns runs) : IClassFixture<NotedRuns>
{
    // The reference sums its losses over the batch, which has two videos for each pair; here they are means
    // (docs/reference-system.md, section 5.2).
    [Fact]
    public void Updates_OfBothStages_HaveTheEpsilonOfTheirBatch()
    {
        Assert.All(runs.Pretraining.Updates, static update => Assert.Equal((float)(1e-8 / 5), update.Epsilon));
        Assert.All(runs.Fold1.Updates, static update => Assert.Equal((float)(1e-8 / (2 * 3)), update.Epsilon));
    }

    [Fact]
    public void Updates_OfBothStages_HaveTheRatesOfTheirStage()
    {
        AssertRates([new(0.01, 1, 8), new(0.02, 2, 4)], runs.Pretraining.Updates);
        AssertRates([new(0.03, 2, 9), new(0.04, 1, 3)], runs.Fold1.Updates);

        static void AssertRates(LearningRateSchedule[] schedules, List<Update> updates)
        {
            Assert.Equal(Enumerable.Range(0, (int)schedules[1].TotalSteps), updates.Select(static update => (int)update.Step));
            Assert.All(updates, update =>
            {
                double correction = Math.Sqrt(1 - Math.Pow(AdamKernels.Beta2, update.Step + 1)) / (1 - Math.Pow(AdamKernels.Beta1, update.Step + 1));
                Assert.Equal(((float)(schedules[0].RateAt(update.Step) * correction), (float)(schedules[1].RateAt(update.Step) * correction)), update.Rates);
            });
        }
    }

    [Fact]
    public void Dropout_EveryStageFoldAndSeed_HasAKeyOfItsOwn()
    {
        NotingStream[] all = [runs.Pretraining, runs.Fold1, runs.Fold2, runs.OtherPretraining, runs.OtherFold1];
        ulong[][] keys = [.. all.Select(static run => run.Draws.Select(static draw => draw.Seed).Distinct().ToArray())];
        Assert.All(keys, static ofRun => Assert.Single(ofRun));
        Assert.Equal(all.Length, keys.Select(static ofRun => ofRun[0]).Distinct().Count());
    }

    [Fact]
    public void Batches_OfAnotherSeed_ComeInAnotherOrder()
    {
        Assert.NotEqual(FirstBatch(runs.Pretraining, 5), FirstBatch(runs.OtherPretraining, 5));
        Assert.NotEqual(FirstBatch(runs.Fold1, 2 * 3), FirstBatch(runs.OtherFold1, 2 * 3));

        static int[] FirstBatch(NotingStream run, int videos) => run.Batches.First(batch => batch.Tokens.Length == videos * NotedRuns.TextLength).Tokens;
    }

    // Each stage and each fold has its own number for shuffling. With one number, all folds would have similar orders
    // of pairs.
    [Fact]
    public void Batches_OfBothStages_FollowTheOrderOfTheirStage()
    {
        var data = new DataFolder(runs.PathOf("data"));
        var index = RecordIndex.Build(data.Pointwise, TinyData.FrameWidth, cancellation: TestContext.Current.CancellationToken);
        var pairIndex = RecordIndex.Build([data.Pairwise], TinyData.FrameWidth, cancellation: TestContext.Current.CancellationToken);
        var pairs = LabelFile.Read(data.Labels, pairIndex.TryFind);
        AssertBatches(runs.Pretraining, index, new EpochOrder([.. Enumerable.Range(0, index.Count)], 5, 7, StageSeeds.Pretraining), static sample => [sample]);
        AssertBatches(runs.Fold1, pairIndex, FoldOrder(1), sample => [pairs[sample].Left, pairs[sample].Right]);
        AssertBatches(runs.Fold2, pairIndex, FoldOrder(2), sample => [pairs[sample].Left, pairs[sample].Right]);

        EpochOrder FoldOrder(int fold) => new(Models.Batches.Folds.Make(pairs.Length, fold).Train, 3, 7, StageSeeds.Finetuning(fold));

        void AssertBatches(NotingStream run, RecordIndex records, EpochOrder order, Func<int, int[]> videosOf)
        {
            var tokenizer = ModelFolder.Open(Path.Combine(runs.PathOf("pretrained"), "last"), dictionary: null).Tokenizer;
            using var reader = new RecordReader(records);
            int sides = videosOf(0).Length, videos = sides * order.Batch;
            int[][] batches = [.. run.Batches.Select(static batch => batch.Tokens).Where(tokens => tokens.Length == videos * NotedRuns.TextLength)];
            Assert.True(batches.Length >= 3);
            for (int number = 0; number < batches.Length; number++)
            {
                int[] samples = order.BatchAt(number).ToArray();
                var titles = Enumerable.Range(0, sides).SelectMany(side => samples.Select(sample => videosOf(sample)[side])).SelectMany(Tokens);
                Assert.Equal(titles, batches[number]);
            }

            int[] Tokens(int video)
            {
                int[] ids = new int[NotedRuns.TextLength];
                tokenizer.Encode(reader.Read(video).Title, ids, new int[ids.Length]);
                return ids;
            }
        }
    }

    // A batch of all videos has the same masks in any order. With another key it has other masks, and most often
    // another number
    // of them.
    [Fact]
    public void MaskedTokens_OfAnotherSeedOrStep_AreOthers()
    {
        int[] masked = [.. runs.Masked(seed: 7), .. runs.Masked(seed: 8)];
        Assert.Equal(4, masked.Length);
        Assert.InRange(masked.Distinct().Count(), 3, 4);
        Assert.Equal(masked[..2], runs.Masked(seed: 7));
    }

    // Step 0 is the validation of the weights that a run starts from.
    [Fact]
    public void FirstWeights_OfAnotherSeed_AreOthersInPretrainingAndTheSameInFinetuning()
    {
        Assert.NotEqual(FirstScore("pretrained"), FirstScore("other-pretrained"));
        Assert.Equal(FirstScore("fold-1"), FirstScore("other-fold-1"));

        double FirstScore(string name) => JsonNode.Parse(File.ReadLines(Path.Combine(runs.PathOf(name), "metrics.jsonl")).First())!["val_spearman"]!.GetValue<double>();
    }

    [Fact]
    public void Finetuning_VideoDisjoint_TrainsOnNoVideoThatItValidates()
    {
        Assert.NotEmpty(Titles(runs.Fold1, training: true).Intersect(Titles(runs.Fold1, training: false)));
        Assert.Empty(Titles(runs.DisjointFold1, training: true).Intersect(Titles(runs.DisjointFold1, training: false)));

        static HashSet<string> Titles(NotingStream run, bool training) =>
        [
            .. run.Batches.Where(batch => batch.Tokens.Length == 2 * 3 * NotedRuns.TextLength == training).SelectMany(static batch => batch.Tokens.Chunk(NotedRuns.TextLength))
                .Select(static title => string.Join(' ', title)),
        ];
    }

    [Fact]
    public void Eager_BothStages_BuildsEveryTrainingAndValidationStep()
    {
        Assert.All(new[] { runs.EagerPretraining, runs.EagerFold1 }, static run =>
        {
            Assert.DoesNotContain(true, run.Updates.Select(static update => update.Planned));
            Assert.DoesNotContain(true, run.Batches.Select(static batch => batch.Planned));
        });
        Assert.DoesNotContain(false, runs.Fold1.Updates.Select(static update => update.Planned).Concat(runs.Fold1.Batches.Select(static batch => batch.Planned)));
    }

    [Fact]
    public void StageSeeds_EveryStage_HasNumbersOfItsOwn()
    {
        uint[] stages = [StageSeeds.Pretraining, .. Enumerable.Range(1, Models.Batches.Folds.Count).Select(StageSeeds.Finetuning)];
        Assert.Equal(stages.Length, stages.Distinct().Count());
        ulong[] keys = [.. from seed in new ulong[] { 0, 1, 2, 1UL << 32 } from stage in stages select StageSeeds.Dropout(seed, stage)];
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.All(keys, static key => Assert.True(key > uint.MaxValue)); // both halves are random
    }
}

/// <summary>
/// Short runs of both stages, of two folds and of two seeds; batches, steps and rates of the stages differ.
/// </summary>
public sealed class NotedRuns : IDisposable
{
    internal const int TextLength = 16;

    private static readonly string[] Overrides =
    [
        .. TinyData.Overrides, $"model.text_length={TextLength}",
        "pretrain.batch=5", "pretrain.steps=4", "pretrain.encoder_rate=0.01", "pretrain.encoder_warmup=1", "pretrain.encoder_schedule_steps=8", "pretrain.rate=0.02", "pretrain.warmup=2",
        "finetune.batch=3", "finetune.steps=3", "finetune.encoder_rate=0.03", "finetune.encoder_warmup=2", "finetune.encoder_schedule_steps=9", "finetune.rate=0.04", "finetune.warmup=1",
    ];

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("videosim-test-");

    public NotedRuns()
    {
        TinyData.Write(PathOf("data"));
        Pretraining = Pretrain("pretrained", seed: 7);
        OtherPretraining = Pretrain("other-pretrained", seed: 8);
        Fold1 = Finetune("fold-1", seed: 7, fold: 1);
        Fold2 = Finetune("fold-2", seed: 7, fold: 2);
        OtherFold1 = Finetune("other-fold-1", seed: 8, fold: 1);
        DisjointFold1 = Note(device => Finetuning.Run(device, Options("disjoint", 7, "mix") with { VideoDisjoint = true }, Data, PathOf("pretrained"), 1, IProgressSink.None, CancellationToken.None));
        EagerPretraining = Note(device => VideoSim.Models.Training.Pretraining.Run(device, Options("eager", 7, "mix") with { Eager = true }, Data, IProgressSink.None, CancellationToken.None));
        EagerFold1 = Note(device => Finetuning.Run(device, Options("eager-fold", 7, "mix") with { Eager = true }, Data, PathOf("pretrained"), 1, IProgressSink.None, CancellationToken.None));
    }

    internal NotingStream Pretraining { get; }

    internal NotingStream OtherPretraining { get; }

    internal NotingStream Fold1 { get; }

    internal NotingStream Fold2 { get; }

    internal NotingStream OtherFold1 { get; }

    internal NotingStream DisjointFold1 { get; }

    internal NotingStream EagerPretraining { get; }

    internal NotingStream EagerFold1 { get; }

    private DataFolder Data => new(PathOf("data"));

    internal string PathOf(string name) => Path.Combine(_root.FullName, name);

    /// <summary>Numbers of masked tokens in two batches of all videos.</summary>
    internal List<int> Masked(ulong seed) => Pretrain(Guid.NewGuid().ToString("N"), seed, "uniter", $"pretrain.batch={TinyData.Videos}", "pretrain.steps=2", "pretrain.warmup=1").MaskedTokens;

    public void Dispose() => _root.Delete(recursive: true);

    private NotingStream Pretrain(string name, ulong seed, string model = "mix", params string[] more) => Note(device =>
        VideoSim.Models.Training.Pretraining.Run(device, Options(name, seed, model, more), Data, IProgressSink.None, CancellationToken.None));

    private NotingStream Finetune(string name, ulong seed, int fold) => Note(device =>
        Finetuning.Run(device, Options(name, seed, "mix"), Data, PathOf("pretrained"), fold, IProgressSink.None, CancellationToken.None));

    private RunOptions Options(string name, ulong seed, string model, params string[] more) =>
        new() { OutputDirectory = PathOf(name), Preset = "micro", Model = model, Overrides = [.. Overrides, .. more], Seed = seed };

    private static NotingStream Note(Action<Device> run)
    {
        using var device = new CpuDevice(threads: 1);
        var noted = new NotingStream(device.Stream);
        run(new Redirected(device, noted));
        return noted;
    }
}
