using System.Globalization;
using System.Text;
using System.Text.Json;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Metrics;

namespace VideoSim.Models.Checkpoints;

/// <summary>
/// The card of a model, README.md in its folder: how it was trained, on which files, its scores, and checksums. It has
/// no time, no machine and no folder, so equal runs have equal cards.
/// </summary>
public sealed record ModelCard
{
    /// <summary>The stage of training: <c>pretraining</c>, or <c>finetuning, fold 3</c>.</summary>
    public required string Stage { get; init; }

    /// <summary>Name of the preset.</summary>
    public required string Preset { get; init; }

    /// <summary>Seed of the run.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The recipe.</summary>
    public required TrainingConfig Recipe { get; init; }

    /// <summary>The files that the run has read.</summary>
    public required IReadOnlyList<FileDigest> Inputs { get; init; }

    /// <summary>
    /// Steps at which earlier recipes of the run ended, and their numbers of steps, if it was trained further.
    /// </summary>
    public IReadOnlyList<(long Step, int? Steps)> EarlierRecipes { get; init; } = [];

    /// <summary>State of the run when the model is written.</summary>
    public ModelProgress Progress { get; init; } = new(0, null, null);

    /// <summary>The card's text: Markdown with a YAML head, in Hugging Face's keys.</summary>
    /// <param name="config">Sizes of the model.</param>
    /// <param name="parameters">Its trained values.</param>
    /// <param name="files">The other files of the model.</param>
    internal string Text(ModelConfig config, long parameters, IReadOnlyList<WrittenFile> files)
    {
        var (model, encoder) = (config.Model, config.Encoder);
        var text = new StringBuilder();
        AppendHead(text, config);
        text.Append(Invariant($"""

            # {model}

            A video similarity model, trained by VideoSim. It computes an embedding of {config.EmbeddingWidth} values from the title and the frames of a video. The cosine of two embeddings is the similarity of the videos.

            `videosim embed --checkpoint FOLDER --records VIDEOS --output embeddings.npy` computes the embeddings of the videos in a file. FOLDER is the folder of this card.

            The text encoder has the names, shapes and keys of Hugging Face. Programs for {encoder.ModelType} encoders read it from this folder. Its weights are in `model.safetensors` with the prefix `{encoder.ModelType}.`; the other weights belong to the rest of the model.

            ## Sizes

            | Part | Size |
            | --- | --- |
            | text encoder | {encoder.ModelType}, {encoder.NumHiddenLayers} layers, width {encoder.HiddenSize}, {encoder.NumAttentionHeads} heads, {encoder.VocabSize} pieces |
            | title | {config.TextLength} positions |
            | frames | {config.Frames} of {config.FrameWidth} values |
            | tags | {config.Tags} |
            | embedding | {config.EmbeddingWidth} values |
            | trained values | {parameters} |

            ## Training

            Stage: {Stage}. Step {Progress.Step} of {Recipe.Steps}. Preset: {Preset}. Seed: {Seed}.{string.Concat(EarlierRecipes.Select(static earlier => $" Up to step {earlier.Step} the recipe was one of {earlier.Steps} steps."))} Recipe:

            ```json
            {JsonSerializer.Serialize(Recipe, ConfigurationJson.Default.TrainingConfig)}
            ```

            ## Scores

            {(Scores().Any() ? "The last validation up to this step, on the validation pairs:" : "There was no validation.")}

            """));
        foreach (var (_, name, value) in Scores())
            text.Append(Invariant($"\n- {name}: {value:F4}"));
        text.Append("""


            ## Input files

            The run has read these files. For a TFRecord file the SHA-256 covers the positions and checksums of its records, for any other file its content.


            """);
        AppendTable(text, Inputs.Select(static input => (Path.GetFileName(input.Path), input.Bytes, input.Sha256)));
        text.Append("""

            ## Files

            The files of the model, beside this card. The SHA-256 covers their content.


            """);
        AppendTable(text, files.Select(static file => (file.Name, file.Bytes, file.Sha256)));
        return text.ToString();
    }

    // Hugging Face reads this part.
    private void AppendHead(StringBuilder text, ModelConfig config)
    {
        text.Append(Invariant($"""
            ---
            library_name: videosim
            pipeline_tag: feature-extraction
            tags:
            - video-similarity
            - {config.Model}
            - {config.Encoder.ModelType}

            """));
        if (Scores().Any())
        {
            text.Append(Invariant($"""
                model-index:
                - name: {config.Model}
                  results:
                  - task:
                      type: feature-extraction
                      name: Video similarity
                    dataset:
                      type: videos
                      name: Validation pairs
                    metrics:

                """));
        }
        foreach (var (type, name, value) in Scores())
            text.Append(Invariant($"    - type: {type}\n      name: {name}\n      value: {value:F4}\n"));
        text.Append("---\n");
    }

    private IEnumerable<(string Type, string Name, double Value)> Scores()
    {
        if (Progress.Spearman is { } spearman)
            yield return ("spearmanr", "Spearman correlation of cosines and labels", spearman);
        if (Progress.Tags is { } tags)
        {
            foreach (var (type, name, value) in new[] { ("precision", "precision of tags", tags.TagPrecision), ("recall", "recall of tags", tags.TagRecall), ("f1", "F1 of tags", tags.TagF1) })
            {
                if (value is { } defined)
                    yield return (type, name, defined);
            }
        }
    }

    private static void AppendTable(StringBuilder text, IEnumerable<(string Name, long Bytes, string Sha256)> files)
    {
        text.Append("| File | Bytes | SHA-256 |\n| --- | ---: | --- |\n");
        foreach (var (name, bytes, sha256) in files)
            text.Append(Invariant($"| {Code(name)} | {bytes} | `{sha256}` |\n"));
    }

    /// <summary>A name as code in a table of Markdown. No character in it has a meaning.</summary>
    internal static string Code(string name)
    {
        name = Printable.OneLine(name);
        // The fence is longer than every run of backticks in the name.
        int run = 0, longest = 0;
        foreach (char character in name)
            longest = Math.Max(longest, run = character == '`' ? run + 1 : 0);
        string fence = new('`', longest + 1), space = longest > 0 ? " " : "";
        return $"{fence}{space}{name.Replace("|", "\\|", StringComparison.Ordinal)}{space}{fence}";
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>State of a run.</summary>
/// <param name="Step">Updates done.</param>
/// <param name="Spearman">Score of the last validation; null before the first.</param>
/// <param name="Tags">Its score of tags; null if tags are not scored.</param>
public sealed record ModelProgress(long Step, double? Spearman, TagScore? Tags);
