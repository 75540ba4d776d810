using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Records;
using VideoSim.Models.Text;

namespace VideoSim.Models.Training;

/// <summary>Paths of the challenge's files in one folder (docs/reference-system.md, section 1.1).</summary>
/// <param name="Root">The folder.</param>
public sealed record DataFolder(string Root)
{
    private static readonly string[] Parts = ["pointwise", "pairwise", "test_a", "test_b"];

    /// <summary>
    /// Format of its videos: that of the labelled pairs or, without pairs, of the pretraining videos.
    /// </summary>
    public IVideoFormat Format => VideoFormats.OfNamed(Path.Combine(Root, "pairwise", "pairwise"), PointwiseFolder);

    /// <summary>Whether it has labelled pairs. Without them only pretraining and embedding work.</summary>
    public bool HasPairs => PathCheck.IsFile(Labels);

    /// <summary>Refuses a folder without labelled pairs.</summary>
    /// <exception cref="DataException">There are none.</exception>
    public void RequirePairs()
    {
        if (!HasPairs)
            throw new DataException($"{Labels}: there is no such file; without labelled pairs only pretrain and embed work");
    }

    /// <summary>Whether it has one of the challenge's folders.</summary>
    public bool HasParts => Parts.Any(name => PathCheck.IsFolder(Path.Combine(Root, name)));

    /// <summary>Whether it is itself one of the challenge's folders, by its name.</summary>
    public bool IsPartOfParent => Parts.Contains(Path.GetFileName(FullPath));

    /// <summary>Reads the labelled pairs, whose videos must be in a file. Their records are not read.</summary>
    /// <exception cref="DataException">A file is missing, or the labels are not valid.</exception>
    internal VideoPair[] ReadPairs()
    {
        RequirePairs();
        return PathCheck.IsFile(Pairwise) ? LabelFile.Read(Labels) : throw new DataException($"{Pairwise}: there is no such file");
    }

    /// <summary>Refuses a folder without the test set that <c>reproduce</c> embeds.</summary>
    /// <exception cref="DataException">There is none.</exception>
    public void RequireTest()
    {
        if (!PathCheck.IsFile(Test("b")))
            throw new DataException($"{Test("b")}: there is no such file; reproduce embeds it; data import writes it from rows with the split test_b");
    }

    /// <summary>Full path of the folder, equal for all ways to write it.</summary>
    public string FullPath => Path.TrimEndingDirectorySeparator(Path.GetFullPath(Root));

    /// <summary>The folder of single videos for pretraining.</summary>
    public string PointwiseFolder => Path.Combine(Root, "pointwise");

    /// <summary>Shards of single videos for pretraining.</summary>
    public IReadOnlyList<string> Pointwise => RecordFiles.Expand(Path.Combine(PointwiseFolder, $"*{Format.Extension}"));

    /// <summary>The videos of the labelled pairs.</summary>
    public string Pairwise => Path.Combine(Root, "pairwise", $"pairwise{Format.Extension}");

    /// <summary>The labelled pairs.</summary>
    public string Labels => Path.Combine(Root, "pairwise", "label.tsv");

    /// <summary>The supervised tags. Data without tags have no such file, or an empty one.</summary>
    public string TagList => Path.Combine(Root, "tag_list.txt");

    /// <summary>The vocabulary. Synthetic data has one; the challenge's data does not.</summary>
    public string Vocabulary => Path.Combine(Root, "vocab.txt");

    /// <summary>The list of the supervised tags, as a list of at most one file.</summary>
    internal IEnumerable<string> TagListFiles => PathCheck.IsFile(TagList) ? [TagList] : [];

    /// <summary>Reads the supervised tags.</summary>
    /// <exception cref="DataException">The list cannot be read.</exception>
    internal TagList ReadTags() => PathCheck.IsFile(TagList) ? Datasets.TagList.Read(TagList) : Datasets.TagList.Empty(TagList);

    /// <summary>Reads the supervised tags for a stage of training.</summary>
    /// <param name="recipe">The recipe of the stage.</param>
    /// <param name="stage">Name of the stage in a preset.</param>
    /// <exception cref="DataException">
    /// The list cannot be read, or there are no tags and the stage has a tag loss.
    /// </exception>
    internal TagList ReadTags(TrainingConfig recipe, string stage)
    {
        var tags = ReadTags();
        return tags.ClassCount > 0 || recipe.Losses.TagWeight == 0 ? tags
            : throw new DataException($"{TagList}: {(PathCheck.IsFile(TagList) ? "the tag list is empty" : "there is no such file")}, and the tag loss needs tags; to train without it, pass --set {stage}.losses.tag_weight=0");
    }

    /// <summary>Refuses a folder without tags if a stage of a preset has a tag loss.</summary>
    /// <inheritdoc cref="ReadTags(TrainingConfig, string)"/>
    internal void RequireTags(Recipes.Preset preset)
    {
        ReadTags(preset.Pretrain, "pretrain");
        ReadTags(preset.Finetune, "finetune");
    }

    /// <summary>Videos of a test set, <c>a</c> or <c>b</c>.</summary>
    public string Test(string set) => Path.Combine(Root, $"test_{set}", $"test_{set}{Format.Extension}");

    /// <summary>Labels of a test set. Synthetic data has them; the challenge did not publish them.</summary>
    public string TestLabels(string set) => Path.Combine(Root, $"test_{set}", "label.tsv");

    /// <summary>The noise-free similarities of synthetic data.</summary>
    public string Truth => Path.Combine(Root, "truth.json");
}

/// <summary>The choices that all training commands share.</summary>
public sealed record RunOptions
{
    /// <summary>Folder of the run.</summary>
    public required string OutputDirectory { get; init; }

    /// <summary>Name of the preset.</summary>
    public required string Preset { get; init; }

    /// <summary>Canonical name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>Values that replace those of the preset.</summary>
    public IReadOnlyList<Override> Overrides { get; init; } = [];

    /// <summary>Passes over the data; null for the steps of the recipe.</summary>
    public decimal? Epochs { get; init; }

    /// <summary>Share of the steps that are warmup; null for the warmups of the recipe.</summary>
    public decimal? WarmupRatio { get; init; }

    /// <summary>Type of activations in training; null for the preset's.</summary>
    public ElementType? Precision { get; init; }

    /// <summary>Key of all random numbers.</summary>
    public ulong Seed { get; init; } = Recipes.Preset.DefaultSeed;

    /// <summary>Source of the vocabulary and of the encoder's initial weights in a pretraining.</summary>
    public TextSource Text { get; init; } = new();

    /// <summary>The dictionary of RoFormer's tokenizer; null for jieba's own.</summary>
    public JiebaDictionary? Dictionary { get; init; }

    /// <summary>Files of options that the command has read.</summary>
    public IReadOnlyList<InputFile> Files { get; init; } = [];

    /// <summary>
    /// Folders of runs of the same command that begin after this one. With <see cref="Overwrite"/> their runs are
    /// deleted when this one begins.
    /// </summary>
    public IReadOnlyList<string> Later { get; init; } = [];

    /// <summary>Skips damaged records instead of stopping at the first.</summary>
    public bool SkipBadRecords { get; init; }

    /// <summary>Skips training pairs that share a video with the fold's validation pairs.</summary>
    public bool VideoDisjoint { get; init; }

    /// <summary>Rebuilds the step every time instead of replaying it; the bits are the same.</summary>
    public bool Eager { get; init; }

    /// <summary>Deletes the run that is in the folder.</summary>
    public bool Overwrite { get; init; }

    /// <summary>
    /// Whether the run is a part of a reproduction. Such a run does not get longer, and its command takes keys of the
    /// stage instead of the stage's options.
    /// </summary>
    public bool IsPart { get; init; }

    /// <summary>Receive what is written to metrics.jsonl.</summary>
    public IReadOnlyList<IMetricsReporter> Reporters { get; init; } = [];

    /// <summary>The preset with its overrides and, if there is an encoder, the encoder's sizes.</summary>
    /// <param name="encoder">The encoder, or null.</param>
    /// <param name="frameWidth">Values of a frame of the data; null for the preset's number.</param>
    /// <param name="schedule">Schedule of the stage that runs, see <see cref="Schedule"/>; null for none.</param>
    /// <exception cref="DataException">As in <see cref="Recipes.Preset"/>.</exception>
    internal Recipes.Preset LoadPreset(PretrainedFolder? encoder, int? frameWidth, StageSchedule? schedule = null) => (encoder is null
        ? Recipes.Preset.Load(Preset, Model, Overrides, frameWidth, schedule)
        : Recipes.Preset.LoadWith(Preset, Model, encoder.Encoder, encoder.FolderPath, Overrides, frameWidth, schedule)).In(Precision, Overrides);

    /// <summary>The schedule of a stage; what follows from other values is noted.</summary>
    /// <param name="stage">pretrain or finetune.</param>
    /// <param name="samples">The number of samples of an epoch; called if there are <see cref="Epochs"/>.</param>
    /// <param name="progress">Receives the notes.</param>
    internal StageSchedule Schedule(string stage, Func<int> samples, IProgressSink progress) =>
        new(stage) { Epochs = Epochs, Samples = samples, WarmupRatio = WarmupRatio, Note = progress.Note };
}

/// <summary>Numbers of the stages. They give each stage its own shuffles and masks.</summary>
internal static class StageSeeds
{
    public const uint Pretraining = 1;

    public static uint Finetuning(int fold) => 100 + (uint)fold;

    /// <summary>
    /// Key of all random numbers after a number of rollbacks. The first one is the seed of the run.
    /// </summary>
    public static ulong AfterRollbacks(ulong seed, int rollbacks)
    {
        if (rollbacks == 0)
            return seed;
        var (r0, r1, _, _) = Kernels.Random.Philox.Block((uint)rollbacks, 0, RandomSites.Rollbacks, 0, seed);
        return (ulong)r1 << 32 | r0;
    }

    /// <summary>Dropout key of a stage.</summary>
    public static ulong Dropout(ulong seed, uint stage)
    {
        var (r0, r1, _, _) = Kernels.Random.Philox.Block(stage, 0, 0, 0, seed);
        return (ulong)r1 << 32 | r0;
    }
}
