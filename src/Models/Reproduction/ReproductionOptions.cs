using System.Text.Json.Nodes;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Configuration;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Text;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Reproduction;

/// <summary>Options of <c>reproduce</c>.</summary>
public sealed record ReproductionOptions
{
    /// <summary>Folder of all results.</summary>
    public required string OutputDirectory { get; init; }

    /// <summary>Name of the preset.</summary>
    public required string Preset { get; init; }

    /// <summary>Folder of the challenge's files; null makes synthetic ones.</summary>
    public string? Data { get; init; }

    /// <summary>Folds to train, from the first; null for the preset's number.</summary>
    public int? Folds { get; init; }

    /// <summary>Canonical names of the models.</summary>
    public required IReadOnlyList<string> Models { get; init; }

    /// <summary>Values that replace those of the preset.</summary>
    public IReadOnlyList<Override> Overrides { get; init; } = [];

    /// <summary>Type of activations in training; null for the preset's.</summary>
    public ElementType? Precision { get; init; }

    /// <summary>
    /// Key of all random numbers, including those of synthetic data. The key of a model is this key plus the model's
    /// index in the zoo. The published runs had no seed. With equal keys the models would start from equal weights and
    /// make similar errors, which an ensemble does not reduce.
    /// </summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Sources of vocabularies and encoders by canonical name of the model. A model that is missing here uses the
    /// vocabulary of the data folder.
    /// </summary>
    public IReadOnlyDictionary<string, TextSource> Text { get; init; } = new Dictionary<string, TextSource>();

    /// <summary>The dictionary of RoFormer's tokenizer; null for jieba's own.</summary>
    public JiebaDictionary? Dictionary { get; init; }

    /// <summary>Files of options that the command has read.</summary>
    public IReadOnlyList<InputFile> Files { get; init; } = [];

    /// <summary>Skips damaged records.</summary>
    public bool SkipBadRecords { get; init; }

    /// <summary>Skips training pairs that share a video with their fold's validation pairs.</summary>
    public bool VideoDisjoint { get; init; }

    /// <summary>Rebuilds the step every time instead of replaying it.</summary>
    public bool Eager { get; init; }

    /// <summary>The tuning table of the device that runs the reproduction; null without one.</summary>
    public TuningTable? Tuning { get; init; }

    /// <summary>Deletes the reproduction that is in the folder.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Receive what each run writes to its metrics.jsonl.</summary>
    public IReadOnlyList<IMetricsReporter> Reporters { get; init; } = [];

    /// <summary>
    /// Time without a sign of life of a process after which another one takes over its part.
    /// </summary>
    public TimeSpan TakeoverAfter { get; init; } = FileClaim.DefaultTakeover;

    /// <summary>Source of a model's vocabulary and encoder.</summary>
    public TextSource TextOf(string model) => Text.GetValueOrDefault(model) ?? new TextSource();

    /// <summary>Number of folds of a model.</summary>
    internal int FoldsOf(string model) => Folds ?? Recipes.Preset.Load(Preset, model, Overrides).Folds;

    /// <summary>The folder of the data that is given or made.</summary>
    internal DataFolder DataFolder => new(Data ?? Path.Combine(OutputDirectory, ReproductionLayout.Data));

    /// <summary>Whether test_b has labels. The challenge did not publish them.</summary>
    internal bool HasLabels => File.Exists(DataFolder.TestLabels("b"));

    /// <summary>
    /// The values in args.json. Existing results in the folder are used as they are, so they must come from the same
    /// values. Folds and models may be added.
    /// </summary>
    internal JsonObject Arguments() => new()
    {
        ["command"] = ReproductionLayout.Command,
        ["preset"] = Preset,
        ["seed"] = Seed,
        ["data"] = Data is null ? ReproductionLayout.MadeData : new DataFolder(Data).FullPath,
        ["skip_bad_records"] = SkipBadRecords,
        ["video_disjoint"] = VideoDisjoint,
        ["jieba_dict_sha256"] = Dictionary?.Sha256,
        ["precision"] = Precision is { } precision ? PrecisionName.Of(precision) : null,
        ["set"] = new JsonArray([.. Override.Effective(Overrides).Select(text => (JsonNode)text)]),
    };

    /// <summary>The files that the reproduction reads. Some need not exist.</summary>
    internal IReadOnlyList<InputFile> InputFiles()
    {
        var data = Data is null ? null : new DataFolder(Data);
        IEnumerable<string> files = data is null ? [] :
            [.. data.Pointwise, data.Pairwise, data.Labels, data.Test("b"), data.TestLabels("b"), data.TagList, data.Vocabulary, data.Truth];
        return [.. Files, .. Models.SelectMany(model => TextOf(model).InputFiles()).Distinct(), .. files.Select(static file => new InputFile("--data", file))];
    }

    /// <summary>Options of one training run.</summary>
    internal RunOptions RunOf(string model, string outputDirectory) => new()
    {
        OutputDirectory = outputDirectory,
        Preset = Preset,
        Model = model,
        Overrides = Overrides,
        Precision = Precision,
        Seed = Seed + (ulong)ModelZoo.Names.IndexOf(model),
        Text = TextOf(model),
        Dictionary = Dictionary,
        SkipBadRecords = SkipBadRecords,
        VideoDisjoint = VideoDisjoint,
        Eager = Eager,
        IsPart = true, // embeddings and folds are those of the run as it was
        Reporters = Reporters,
    };
}
