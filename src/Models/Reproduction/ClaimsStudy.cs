using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>One claim, tested with several seeds.</summary>
/// <param name="Claim">The finding of the reference system's authors.</param>
/// <param name="Measure">The compared value; higher is better.</param>
/// <param name="With">Values with the part that the claim recommends, one for each seed.</param>
/// <param name="Without">Values without this part.</param>
public sealed record ClaimResult(string Claim, string Measure, IReadOnlyList<double> With, IReadOnlyList<double> Without)
{
    /// <summary>Mean gain over the seeds.</summary>
    public double Gain => With.Zip(Without, (with, without) => with - without).Average();

    /// <summary>agrees: a gain for every seed; disagrees: a loss for every seed; undecided otherwise.</summary>
    public string Verdict
    {
        get
        {
            int gains = With.Zip(Without).Count(pair => pair.First > pair.Second), losses = With.Zip(Without).Count(pair => pair.First < pair.Second);
            return gains == With.Count ? "agrees" : losses == With.Count ? "disagrees" : "undecided";
        }
    }
}

/// <summary>Result of <c>reproduce --study claims</c>.</summary>
/// <param name="Seeds">Seeds of data and training.</param>
/// <param name="Claims">The claims.</param>
/// <param name="Seconds">Wall-clock time of this call.</param>
/// <param name="Device">Name of the device.</param>
public sealed record StudySummary(IReadOnlyList<ulong> Seeds, IReadOnlyList<ClaimResult> Claims, double Seconds, string Device);

/// <summary>
/// Tests the claims of the reference system's authors on synthetic data. It runs the whole procedure for several
/// seeds, and for each claim a run without the part that the claim recommends.
/// </summary>
public sealed class ClaimsStudy
{
    private const int Seeds = 3;
    private const int LastLines = 5; // the error of one batch is noisy
    private const string NoContrastive = "no-contrastive", SquaredError = "squared-error", SquaredErrorAndKl = "squared-error-and-kl", SquaredErrorAndTags = "squared-error-and-tags";

    /// <summary>Folder of the runs that only a study makes.</summary>
    internal const string Runs = "study";

    /// <summary>Names of these runs.</summary>
    internal static readonly string[] Variants = [NoContrastive, SquaredError, SquaredErrorAndKl, SquaredErrorAndTags];

    /// <summary>Whether one of these runs is a pretraining.</summary>
    internal static bool IsPretraining(string variant) => variant == NoContrastive;

    private readonly Device _device;
    private readonly ReproductionOptions _options;
    private readonly IProgressSink _progress;
    private readonly TimeProvider _clock;
    private readonly CancellationToken _cancellation;

    private ClaimsStudy(Device device, ReproductionOptions options, IProgressSink progress, TimeProvider clock, CancellationToken cancellation) =>
        (_device, _options, _progress, _clock, _cancellation) = (device, options, progress, clock, cancellation);

    // The results of one seed, by claim and measure.
    private sealed class Findings : Dictionary<(string Claim, string Measure), (double With, double Without)>;

    /// <summary>Runs everything that is not done yet and writes claims.json.</summary>
    /// <param name="device">The device.</param>
    /// <param name="options">
    /// Options with the first seed. The other seeds follow it. The models must be all six.
    /// </param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="clock">Measures the seconds.</param>
    /// <param name="cancellation">Stops the study. The same call continues it.</param>
    public static StudySummary Run(Device device, ReproductionOptions options, IProgressSink progress, TimeProvider clock, CancellationToken cancellation)
    {
        if (options.Data is not null)
            throw new DataException("--study makes synthetic data for each of its seeds; --data is not allowed");
        long start = clock.GetTimestamp();
        using var folder = RunFolder.Open(options.OutputDirectory, new JsonObject { ["command"] = StudyLayout.Command, ["preset"] = options.Preset, ["seed"] = options.Seed },
            layout: new StudyLayout(), overwrite: options.Overwrite, inputs: options.InputFiles(), tuning: options.Tuning);
        folder.Begin(null, progress);
        var study = new ClaimsStudy(device, options, progress, clock, cancellation);
        ulong[] seeds = [.. Enumerable.Range(0, Seeds).Select(i => options.Seed + (ulong)i)];
        foreach (ulong seed in seeds)
            RequireEarlierFiles(options with { OutputDirectory = Path.Combine(options.OutputDirectory, StudyLayout.Seed(seed)) });
        Findings[] findings = [.. seeds.Select(study.RunSeed)];
        var claims = findings[0].Keys.Select(key =>
            new ClaimResult(key.Claim, key.Measure, [.. findings.Select(found => found[key].With)], [.. findings.Select(found => found[key].Without)]));
        var summary = new StudySummary(seeds, [.. claims], clock.GetElapsedTime(start).TotalSeconds, device.Name);
        AtomicFile.Write(Path.Combine(options.OutputDirectory, StudyLayout.Claims), stream => JsonSerializer.Serialize(stream, summary, StudyJson.Default.StudySummary));
        return summary;
    }

    private static void RequireEarlierFiles(ReproductionOptions seed)
    {
        EarlierFiles.Require(seed.OutputDirectory, seed.Models, seed.FoldsOf);
        EarlierFiles.BestPossible(Data(seed));
        foreach (string variant in Variants)
            EarlierFiles.RequireRun(Path.Combine(seed.OutputDirectory, Runs), variant, needsModel: false);
    }

    private Findings RunSeed(ulong seed)
    {
        var options = _options with { OutputDirectory = Path.Combine(_options.OutputDirectory, StudyLayout.Seed(seed)), Seed = seed, Overwrite = false };
        var summary = new ReproductionRun(_device, options, _progress, _clock, _cancellation).RunAll().Summary;
        var found = new Findings();
        Contrastive(found, options, summary);
        FinetuningTerms(found, options, summary);
        foreach (string family in new[] { "mix", "uniter" })
            Asymmetric(found, options, summary, family, $"{family}-asl");
        found.Add(("fold averaging gains", "test Spearman, mean over the models: all folds averaged against one fold"),
            (summary.Models.Values.Average(static model => Known(model.TestSpearman)), summary.Models.Values.Average(static model => model.Folds.Average(static fold => Known(fold.TestSpearman)))));
        double best = summary.Models.Values.Max(static model => Known(model.TestSpearman));
        found.Add(("the ensemble gains", "test Spearman: raw weighted sum against the best model"), (Known(summary.Ensemble.TestSpearman), best));
        found.Add(("the ensemble gains", "test Spearman: weighted sum of normalised embeddings against the best model"), (Known(summary.Ensemble.NormalizedTestSpearman), best));
        return found;
    }

    // The study makes its data with labels, so only a score that is undefined is null.
    private static double Known(double? score) => score ?? throw new DataException("a score of the study is undefined; the notes before name it");

    private void Contrastive(Findings found, ReproductionOptions options, ReproductionSummary summary)
    {
        var run = Variant(options, NoContrastive, "pretrain.losses.contrastive_weight=0");
        Pretraining.Run(_device, run, Data(options), _progress, _cancellation);
        found.Add(("the contrastive term helps pretraining", "test Spearman of mix after pretraining"), (Known(summary.Models["mix"].PretrainSpearman), Test(options, run.OutputDirectory)));
    }

    private void FinetuningTerms(Findings found, ReproductionOptions options, ReproductionSummary summary)
    {
        string mix = Path.Combine(options.OutputDirectory, "mix"), all = Path.Combine(mix, "fold-1");
        string none = Finetune(SquaredError, "finetune.losses.kl_weight=0", "finetune.losses.tag_weight=0");
        string kl = Finetune(SquaredErrorAndKl, "finetune.losses.tag_weight=0");
        string tag = Finetune(SquaredErrorAndTags, "finetune.losses.kl_weight=0");
        double score = Known(summary.Models["mix"].Folds[0].TestSpearman), alone = Test(options, none);
        found.Add(("squared error alone overfits", "minus the squared error of a training batch at the end, mix fold 1: alone against all terms"), (-TrainingError(none), -TrainingError(all)));
        found.Add(("squared error alone overfits", "test Spearman of mix fold 1: all terms against squared error alone"), (score, alone));
        found.Add(("the KL term helps", "test Spearman of mix fold 1: squared error and KL against squared error alone"), (Test(options, kl), alone));
        found.Add(("the tag term helps", "test Spearman of mix fold 1: squared error and tags against squared error alone"), (Test(options, tag), alone));

        string Finetune(string name, params string[] overrides)
        {
            var run = Variant(options, name, overrides);
            Finetuning.Run(_device, run, Data(options), Path.Combine(mix, "pretrain"), fold: 1, _progress, _cancellation);
            return run.OutputDirectory;
        }
    }

    private static void Asymmetric(Findings found, ReproductionOptions options, ReproductionSummary summary, string plain, string asymmetric)
    {
        found.Add(("the asymmetric loss beats cross-entropy", $"tag F1 of {plain} after pretraining"), (TagF1(asymmetric), TagF1(plain)));
        found.Add(("the asymmetric loss beats cross-entropy", $"test Spearman of {plain} after pretraining"),
            (Known(summary.Models[asymmetric].PretrainSpearman), Known(summary.Models[plain].PretrainSpearman)));
        found.Add(("the asymmetric loss beats cross-entropy", $"test Spearman of {plain} after finetuning"),
            (Known(summary.Models[asymmetric].TestSpearman), Known(summary.Models[plain].TestSpearman)));

        double TagF1(string model) => RunMetrics.Series(Path.Combine(options.OutputDirectory, model, "pretrain"), "tag_f1")[^1];
    }

    private static double TrainingError(string run) => RunMetrics.Series(run, "squared_error").TakeLast(LastLines).Average();

    private double Test(ReproductionOptions options, string run) => new ReproductionRun(_device, options, _progress, _clock, _cancellation).ScoreFinished(run);

    private static DataFolder Data(ReproductionOptions options) => new(Path.Combine(options.OutputDirectory, ReproductionLayout.Data));

    // Options of a run of mix that differs from the reproduction's run in some keys.
    private static RunOptions Variant(ReproductionOptions options, string name, params string[] overrides) =>
        options.RunOf("mix", Path.Combine(options.OutputDirectory, Runs, name)) with { Overrides = [.. options.Overrides, .. overrides] };
}

/// <summary>JSON of studies.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(StudySummary))]
public sealed partial class StudyJson : JsonSerializerContext;
