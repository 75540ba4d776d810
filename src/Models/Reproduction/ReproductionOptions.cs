using VideoSim.Kernels.Contract;
using VideoSim.Models.Text;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Reproduction;

/// <summary>What <c>reproduce</c> is to do.</summary>
public sealed record ReproductionOptions
{
    /// <summary>Where everything goes.</summary>
    public required string OutputDirectory { get; init; }

    /// <summary>Name of the preset.</summary>
    public required string Preset { get; init; }

    /// <summary>The challenge's files; null makes synthetic ones.</summary>
    public string? Data { get; init; }

    /// <summary>Folds to train, from the first; null for the preset's number.</summary>
    public int? Folds { get; init; }

    /// <summary>Canonical names of the models.</summary>
    public required IReadOnlyList<string> Models { get; init; }

    /// <summary><c>key=value</c> overrides of the preset.</summary>
    public IReadOnlyList<string> Overrides { get; init; } = [];

    /// <summary>How steps of training store activations; null for as the preset says.</summary>
    public ElementType? Precision { get; init; }

    /// <summary>
    /// Key of all random numbers, the synthetic data's included. Each model has a key of its own, this one and its place among the
    /// six: the published runs were not seeded, and models that begin alike err alike, which an ensemble does not mend.
    /// </summary>
    public ulong Seed { get; init; }

    /// <summary>Where vocabularies and encoders of models come from, by canonical name; a model that is not in it takes the data folder's vocabulary.</summary>
    public IReadOnlyDictionary<string, TextSource> Text { get; init; } = new Dictionary<string, TextSource>();

    /// <summary>The dictionary of RoFormer's tokenizer; null for jieba's own.</summary>
    public JiebaDictionary? Dictionary { get; init; }

    /// <summary>Leave damaged records out.</summary>
    public bool SkipBadRecords { get; init; }

    /// <summary>Leave out training pairs that share a video with their fold's validation pairs.</summary>
    public bool VideoDisjoint { get; init; }

    /// <summary>Rebuild every step.</summary>
    public bool Eager { get; init; }

    /// <summary>Where a model's vocabulary and encoder come from.</summary>
    public TextSource TextOf(string model) => Text.GetValueOrDefault(model) ?? new TextSource();

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
    };
}
