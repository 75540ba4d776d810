using VideoSim.Kernels.Contract;
using VideoSim.Models.Datasets;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Records;
using VideoSim.Models.Text;

namespace VideoSim.Models.Training;

/// <summary>Paths of the challenge's files in one folder (docs/reference-system.md, section 1.1).</summary>
/// <param name="Root">The folder.</param>
public sealed record DataFolder(string Root)
{
    /// <summary>Format of its videos: that of the labelled pairs.</summary>
    public IVideoFormat Format => VideoFormats.OfNamed(Path.Combine(Root, "pairwise", "pairwise"));

    /// <summary>Full path of the folder, equal for all ways to write it.</summary>
    public string FullPath => Path.TrimEndingDirectorySeparator(Path.GetFullPath(Root));

    /// <summary>Shards of single videos for pretraining.</summary>
    public IReadOnlyList<string> Pointwise => RecordFiles.Expand(Path.Combine(Root, "pointwise", $"*{Format.Extension}"));

    /// <summary>The videos of the labelled pairs.</summary>
    public string Pairwise => Path.Combine(Root, "pairwise", $"pairwise{Format.Extension}");

    /// <summary>The labelled pairs.</summary>
    public string Labels => Path.Combine(Root, "pairwise", "label.tsv");

    /// <summary>The supervised tags.</summary>
    public string TagList => Path.Combine(Root, "tag_list.txt");

    /// <summary>The vocabulary. Synthetic data has one; the challenge's data does not.</summary>
    public string Vocabulary => Path.Combine(Root, "vocab.txt");

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

    /// <summary><c>key=value</c> overrides of the preset.</summary>
    public IReadOnlyList<string> Overrides { get; init; } = [];

    /// <summary>Type of activations in training; null for the preset's.</summary>
    public ElementType? Precision { get; init; }

    /// <summary>Key of all random numbers.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary>Source of the vocabulary and of the encoder's initial weights in a pretraining.</summary>
    public TextSource Text { get; init; } = new();

    /// <summary>The dictionary of RoFormer's tokenizer; null for jieba's own.</summary>
    public JiebaDictionary? Dictionary { get; init; }

    /// <summary>Skips damaged records instead of stopping at the first.</summary>
    public bool SkipBadRecords { get; init; }

    /// <summary>Skips training pairs that share a video with the fold's validation pairs.</summary>
    public bool VideoDisjoint { get; init; }

    /// <summary>Rebuilds the step every time instead of replaying it; the bits are the same.</summary>
    public bool Eager { get; init; }

    /// <summary>The preset with its overrides and, if there is an encoder, the encoder's sizes.</summary>
    /// <exception cref="Engine.DataException">As in <see cref="Recipes.Preset"/>.</exception>
    internal Recipes.Preset LoadPreset(PretrainedFolder? encoder) => (encoder is null ? Recipes.Preset.Load(Preset, Model, Overrides)
        : Recipes.Preset.LoadWith(Preset, Model, encoder.Encoder, encoder.FolderPath, Overrides)).In(Precision, Overrides);
}

/// <summary>Numbers of the stages. They give each stage its own shuffles and masks.</summary>
internal static class StageSeeds
{
    public const uint Pretraining = 1;

    public static uint Finetuning(int fold) => 100 + (uint)fold;

    /// <summary>Dropout key of a stage.</summary>
    public static ulong Dropout(ulong seed, uint stage)
    {
        var (r0, r1, _, _) = Kernels.Random.Philox.Block(stage, 0, 0, 0, seed);
        return (ulong)r1 << 32 | r0;
    }
}
