using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Configuration;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Recipes;

/// <summary>
/// Sizes of a model and recipes of its two stages. They are read from these sources in order, and each source may
/// change keys of the earlier ones: the preset (<c>tiny.json</c>), encoder and tag loss of the model in
/// <see cref="ModelZoo"/>, the model's changes in every preset (<c>models/uniter-asl.json</c>), its changes in this
/// preset (<c>tiny/uniter.json</c>), and overrides.
/// </summary>
public sealed record Preset
{
    private const string ExpansionKey = "model.vlad_expansion";

    private static readonly string[] Stages = ["pretrain", "finetune"];

    /// <summary>Sizes of the model.</summary>
    public required ModelConfig Model { get; init; }

    /// <summary>Training on single videos.</summary>
    public required TrainingConfig Pretrain { get; init; }

    /// <summary>Training on pairs.</summary>
    public required TrainingConfig Finetune { get; init; }

    /// <summary>Number of the 11 folds that <c>reproduce</c> trains by default.</summary>
    public required int Folds { get; init; }

    /// <summary>Names of the presets.</summary>
    public static IReadOnlyList<string> Names { get; } = ["micro", "tiny", "reference"];

    /// <summary>Reads a preset and applies overrides.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="model">Canonical name of the model.</param>
    /// <param name="overrides"><c>key=value</c>, the key as a path: <c>pretrain.steps=100</c>.</param>
    /// <param name="frameWidth">Values of a frame of the data; null for the preset's number.</param>
    /// <exception cref="DataException">
    /// The preset or a key is unknown, or a value does not fit; the message names it.
    /// </exception>
    public static Preset Load(string name, string model, IEnumerable<string> overrides, int? frameWidth = null) => Load(name, model, null, overrides, frameWidth);

    /// <summary>Reads the recipes of a preset for a trained model. The model's sizes do not change.</summary>
    /// <param name="name">One of <see cref="Names"/>; its model sizes are not used.</param>
    /// <param name="model">The model's sizes.</param>
    /// <param name="folder">Folder of the model, for messages.</param>
    /// <param name="overrides">
    /// As in <see cref="Load(string, string, IEnumerable{string}, int?)"/>. Overrides of the model's keys must equal
    /// the model's values.
    /// </param>
    /// <param name="run">Arguments of a run, or null. Its recipes replace those of the preset.</param>
    /// <exception cref="DataException">
    /// An override differs from the model's value, or as in
    /// <see cref="Load(string, string, IEnumerable{string}, int?)"/>; the message names key and values.
    /// </exception>
    public static Preset LoadFor(string name, ModelConfig model, string folder, IReadOnlyList<string> overrides, JsonObject? run = null)
    {
        var preset = Load(name, model.Model, root =>
        {
            root["model"] = JsonSerializer.SerializeToNode(model, ConfigurationJson.Default.ModelConfig);
            foreach (string stage in Stages)
            {
                if (run?[stage] is JsonObject recipe)
                    root[stage] = recipe.DeepClone();
            }
        }, overrides, frameWidth: null);
        RequireSame(model, preset.Model, overrides.Where(static text => text.StartsWith("model.", StringComparison.Ordinal)), $"{folder}, a {model.Model},");
        return preset;
    }

    /// <summary>
    /// Reads a preset for a model that starts from a published encoder. The encoder's sizes are used; its dropouts may
    /// be overridden.
    /// </summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="model">Canonical name of the model.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="folder">Folder of the encoder, for messages.</param>
    /// <param name="overrides"><c>key=value</c>.</param>
    /// <param name="frameWidth">Values of a frame of the data; null for the preset's number.</param>
    /// <exception cref="DataException">
    /// As in <see cref="Load(string, string, IEnumerable{string}, int?)"/>, or an override differs from a size of the
    /// encoder.
    /// </exception>
    public static Preset LoadWith(string name, string model, EncoderConfig encoder, string folder, IReadOnlyList<string> overrides, int? frameWidth = null)
    {
        var preset = Load(name, model, root => root["model"]!["encoder"] = JsonSerializer.SerializeToNode(encoder, ConfigurationJson.Default.EncoderConfig), overrides, frameWidth);
        RequireSame(preset.Model with { Encoder = encoder }, preset.Model,
            overrides.Where(static text => text.StartsWith("model.encoder.", StringComparison.Ordinal) && !text.Contains("dropout", StringComparison.Ordinal)), folder);
        return preset;
    }

    // Refuses overrides whose values differ from those of a folder.
    private static void RequireSame(ModelConfig has, ModelConfig asked, IEnumerable<string> overrides, string folder)
    {
        JsonNode hasNode = JsonSerializer.SerializeToNode(has, ConfigurationJson.Default.ModelConfig)!, askedNode = JsonSerializer.SerializeToNode(asked, ConfigurationJson.Default.ModelConfig)!;
        foreach (string key in overrides.Select(static text => text[..text.IndexOf('=', StringComparison.Ordinal)]))
        {
            JsonNode? existing = hasNode, requested = askedNode;
            foreach (string part in key.Split('.')[1..])
                (existing, requested) = (existing?[part], requested?[part]);
            if (!JsonNode.DeepEquals(existing, requested))
                throw new DataException($"--set {key}={requested?.ToJsonString()}, but in {folder} it is {existing?.ToJsonString()}");
        }
    }

    private static Preset Load(string name, string model, Action<JsonObject>? resize, IEnumerable<string> overrides, int? frameWidth)
    {
        if (!Names.Contains(name))
            throw new DataException($"there is no preset {Printable.Quote(name)}; presets: {string.Join(", ", Names)}{Suggestion.Text(name, Names)}");
        var root = Read(name) ?? throw new InvalidOperationException($"no resource {name}.json");
        var record = ModelZoo.Find(model);
        Section(root, "model")["model"] = record.Name;
        Section(root, "model", "encoder")["model_type"] = record.Encoder;
        foreach (string stage in Stages)
        {
            var losses = Section(root, stage, "losses");
            (losses["positive_gamma"], losses["negative_gamma"], losses["margin"]) = (record.TagLoss.PositiveGamma, record.TagLoss.NegativeGamma, record.TagLoss.Margin);
        }
        foreach (string recipe in new[] { $"models/{model}", $"{name}/{model}" })
        {
            if (Read(recipe) is { } changes)
                Merge(root, changes);
        }
        resize?.Invoke(root);
        if (frameWidth is not null)
            root["model"]!["frame_width"] = frameWidth;
        foreach (string text in overrides)
            Override(root, text);
        try
        {
            var preset = root.Deserialize(PresetJson.Default.Preset)!;
            if (!IsGiven(ExpansionKey, overrides))
                preset = preset with { Model = preset.Model.WithFittingExpansion() };
            preset.Pretrain.Validate("pretrain");
            preset.Finetune.Validate("finetune");
            preset.Model.Validate("model.");
            return preset;
        }
        catch (JsonException e)
        {
            string key = e.Path?.TrimStart('$', '.') ?? "";
            throw new DataException(e.Message.StartsWith("cannot be", StringComparison.Ordinal) ? $"{key} {e.Message}" : $"--set {key}: the value has the wrong type", e);
        }
        catch (InvalidOperationException e)
        {
            // Half of a surrogate pair, such as "\ud800".
            throw new DataException("--set: a text is not valid Unicode", e);
        }
    }

    /// <summary>The same preset with the sizes that follow from the data.</summary>
    public Preset For(int vocabularySize, int tags) =>
        this with { Model = Model with { Tags = tags, Encoder = Model.Encoder with { VocabSize = vocabularySize } } };

    /// <summary>
    /// The same preset with one precision for both stages. A stage whose precision is overridden does not change.
    /// </summary>
    /// <param name="precision">The precision; null to change nothing.</param>
    /// <param name="overrides">The overrides that were applied.</param>
    internal Preset In(ElementType? precision, IReadOnlyList<string> overrides)
    {
        return this with { Pretrain = Change(Pretrain, "pretrain"), Finetune = Change(Finetune, "finetune") };

        TrainingConfig Change(TrainingConfig config, string stage) =>
            precision is null || IsGiven($"{stage}.precision", overrides) ? config : config with { Precision = precision.Value };
    }

    /// <summary>Refuses overrides of sizes that follow from the data.</summary>
    /// <param name="overrides"><c>key=value</c>.</param>
    /// <param name="sizes">The key, the value that follows from the data, and the file with this value.</param>
    /// <exception cref="DataException">An override has another value.</exception>
    internal static void RequireDataSizes(IEnumerable<string> overrides, params (string Key, int Value, string File)[] sizes)
    {
        foreach (string text in overrides)
        {
            foreach (var (key, value, file) in sizes)
            {
                if (text.StartsWith($"{key}=", StringComparison.Ordinal) && text != string.Create(CultureInfo.InvariantCulture, $"{key}={value}"))
                    throw new DataException($"--set {text}: {file} has {value}, and this size follows from the file");
            }
        }
    }

    private static bool IsGiven(string key, IEnumerable<string> overrides) => overrides.Any(text => text.StartsWith($"{key}=", StringComparison.Ordinal));

    private static JsonObject? Read(string recipe)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{recipe}.json");
        return stream is null ? null
            : JsonNode.Parse(stream, documentOptions: new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip })!.AsObject();
    }

    private static void Merge(JsonObject target, JsonObject changes)
    {
        foreach (var (key, value) in changes)
        {
            if (value is JsonObject inner && target[key] is JsonObject section)
                Merge(section, inner);
            else
                target[key] = value?.DeepClone();
        }
    }

    private static JsonObject Section(JsonObject root, params string[] path)
    {
        foreach (string key in path)
        {
            // A preset's file does not have the sections that keep their defaults.
            if (root[key] is not JsonObject inner)
                root[key] = inner = [];
            root = inner;
        }
        return root;
    }

    private static void Override(JsonObject root, string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
            throw new DataException($"--set needs key=value, not '{text}'");
        string[] path = text[..equals].Split('.');
        CheckKeys(text, path);
        if (path is ["model", "model"])
            throw new DataException($"--set {text}: the model is chosen by --model");
        var section = Section(root, path[..^1]);
        string value = text[(equals + 1)..];
        try
        {
            section[path[^1]] = JsonNode.Parse(value);
        }
        catch (JsonException)
        {
            section[path[^1]] = value;
        }
    }

    // The types have all keys, including those that the preset's file does not have.
    private static void CheckKeys(string text, string[] path)
    {
        JsonTypeInfo section = PresetJson.Default.Preset;
        foreach (string key in path)
        {
            var property = section.Properties.FirstOrDefault(property => property.Name == key) ?? throw new DataException(section.Properties.Count == 0
                ? $"--set {text}: there is no key '{key}'; the key before it has a value and no further keys"
                : $"--set {text}: there is no key '{key}', only {string.Join(", ", section.Properties.Select(property => property.Name))}");
            section = PresetJson.Default.GetTypeInfo(property.PropertyType)!;
        }
    }
}

/// <summary>JSON of presets, as <see cref="ConfigurationJson"/> of their parts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(Preset))]
internal sealed partial class PresetJson : JsonSerializerContext;
