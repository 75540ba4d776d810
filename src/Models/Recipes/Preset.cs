using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
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

    /// <summary>The preset if no option and no file names one.</summary>
    public const string DefaultName = "tiny";

    /// <summary>The key of all random numbers if no option and no file has one.</summary>
    public const ulong DefaultSeed = 42;

    internal static readonly ConfigKey FoldsKey = new("folds", "folds", "folds that reproduce trains") { Range = new(1, Batches.Folds.Count), Flag = "--folds" };

    private static readonly string[] Stages = ["pretrain", "finetune"];

    /// <summary>Sizes of the model.</summary>
    public required ModelConfig Model { get; init; }

    /// <summary>Training on single videos.</summary>
    public required TrainingConfig Pretrain { get; init; }

    /// <summary>Training on pairs.</summary>
    public required TrainingConfig Finetune { get; init; }

    /// <summary>Number of the 11 folds that <c>reproduce</c> trains by default.</summary>
    public required int Folds { get; init; }

    private static readonly (string Name, string Purpose)[] Presets =
    [
        ("micro", "tests: a step takes milliseconds, and the scores mean nothing"),
        ("tiny", "synthetic data and first runs on own data: minutes on two cores"),
        ("reference", "the published models, on a GPU"),
    ];

    /// <summary>Names of the presets.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Presets.Select(static preset => preset.Name)];

    /// <summary>The name of a preset in any case of letters; another text stays as it is.</summary>
    public static string Canonical(string name) => Names.FirstOrDefault(one => one.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? name;

    /// <summary>What a preset is for, in a few words.</summary>
    public static string PurposeOf(string name) => Presets.First(preset => preset.Name == name).Purpose;

    /// <summary>Refuses a name that is not one of <see cref="Names"/>.</summary>
    /// <exception cref="DataException">There is no such preset; the message has the names.</exception>
    public static void RequireName(string name)
    {
        if (!Names.Contains(name))
            throw new DataException($"there is no preset {Printable.Quote(name)}; presets: {string.Join(", ", Names)}{Suggestion.Text(name, Names)}");
    }

    /// <summary>Reads a preset and applies overrides.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="model">Canonical name of the model.</param>
    /// <param name="overrides">Values of keys; of several of one key the last counts.</param>
    /// <param name="frameWidth">Values of a frame of the data; null for the preset's number.</param>
    /// <param name="schedule">Steps of a stage that follow from epochs, and the like; null for none.</param>
    /// <exception cref="DataException">
    /// The preset or a key is unknown, or a value does not fit; the message names it.
    /// </exception>
    public static Preset Load(string name, string model, IReadOnlyList<Override> overrides, int? frameWidth = null, StageSchedule? schedule = null) =>
        Build(name, model, null, overrides, frameWidth, schedule);

    /// <summary>Reads the recipes of a preset for a trained model. The model's sizes do not change.</summary>
    /// <param name="name">One of <see cref="Names"/>; its model sizes are not used.</param>
    /// <param name="model">The model's sizes.</param>
    /// <param name="folder">Folder of the model, for messages.</param>
    /// <param name="overrides">
    /// As in <see cref="Load"/>. Overrides of the model's keys must equal
    /// the model's values.
    /// </param>
    /// <param name="run">Arguments of a run, or null. Its recipes replace those of the preset.</param>
    /// <param name="schedule">As in <see cref="Load"/>.</param>
    /// <exception cref="DataException">
    /// An override differs from the model's value, or as in
    /// <see cref="Load"/>; the message names key and values.
    /// </exception>
    public static Preset LoadFor(string name, ModelConfig model, string folder, IReadOnlyList<Override> overrides, JsonObject? run = null, StageSchedule? schedule = null)
    {
        var preset = Build(name, model.Model, root =>
        {
            root["model"] = JsonSerializer.SerializeToNode(model, ConfigurationJson.Default.ModelConfig);
            foreach (string stage in Stages)
            {
                if (run?[stage] is JsonObject recipe)
                    root[stage] = recipe.DeepClone();
            }
        }, overrides, frameWidth: null, schedule);
        RequireSame(model, preset.Model, overrides.Where(static one => one.Key.StartsWith("model.", StringComparison.Ordinal)), $"{folder}, a {model.Model},");
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
    /// <param name="overrides">Values of keys.</param>
    /// <param name="frameWidth">Values of a frame of the data; null for the preset's number.</param>
    /// <param name="schedule">As in <see cref="Load"/>.</param>
    /// <exception cref="DataException">
    /// As in <see cref="Load"/>, or an override differs from a size of the
    /// encoder.
    /// </exception>
    public static Preset LoadWith(string name, string model, EncoderConfig encoder, string folder, IReadOnlyList<Override> overrides, int? frameWidth = null,
        StageSchedule? schedule = null)
    {
        var preset = Build(name, model, root => root["model"]!["encoder"] = JsonSerializer.SerializeToNode(encoder, ConfigurationJson.Default.EncoderConfig), overrides, frameWidth, schedule);
        RequireSame(preset.Model with { Encoder = encoder }, preset.Model,
            overrides.Where(static one => one.Key.StartsWith("model.encoder.", StringComparison.Ordinal) && !one.Key.Contains("dropout", StringComparison.Ordinal)), folder);
        return preset;
    }

    // Refuses overrides whose values differ from those of a folder.
    private static void RequireSame(ModelConfig has, ModelConfig asked, IEnumerable<Override> overrides, string folder)
    {
        JsonNode hasNode = JsonSerializer.SerializeToNode(has, ConfigurationJson.Default.ModelConfig)!, askedNode = JsonSerializer.SerializeToNode(asked, ConfigurationJson.Default.ModelConfig)!;
        foreach (var one in overrides)
        {
            JsonNode? existing = hasNode, requested = askedNode;
            foreach (string part in one.Key.Split('.')[1..])
                (existing, requested) = (existing?[part], requested?[part]);
            if (!JsonNode.DeepEquals(existing, requested))
                throw new DataException($"{one.Subject}={Printable.OneLine(requested?.ToJsonString() ?? "null")}, but in {folder} it is {Printable.OneLine(existing?.ToJsonString() ?? "null")}");
        }
    }

    private static Preset Build(string name, string model, Action<JsonObject>? resize, IReadOnlyList<Override> overrides, int? frameWidth, StageSchedule? schedule)
    {
        RequireName(name);
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
        try
        {
            var preset = root.Deserialize(PresetJson.Default.Preset)!;
            foreach (var one in overrides)
                Apply(root, one);
            var changed = root.Deserialize(PresetJson.Default.Preset)!;
            if (!IsGiven(ExpansionKey, overrides))
                changed = changed with { Model = changed.Model.WithFittingExpansion() };
            changed = changed with { Pretrain = Fit("pretrain", preset.Pretrain, changed.Pretrain), Finetune = Fit("finetune", preset.Finetune, changed.Finetune) };
            changed.Pretrain.Validate("pretrain");
            changed.Finetune.Validate("finetune");
            changed.Model.Validate("model.");
            return changed;
        }
        catch (JsonException e)
        {
            // Only a run's own recipes can be of a wrong kind.
            throw new DataException($"{e.Path?.TrimStart('$', '.')}: the value has the wrong type", e);
        }

        TrainingConfig Fit(string stage, TrainingConfig preset, TrainingConfig changed) =>
            (schedule?.Stage == stage ? schedule : new StageSchedule(stage)).Fit(preset, changed, key => IsGiven(key, overrides));
    }

    /// <summary>The same preset with the sizes that follow from the data.</summary>
    public Preset For(int vocabularySize, int tags) =>
        this with { Model = Model with { Tags = tags, Encoder = Model.Encoder with { VocabSize = vocabularySize } } };

    /// <summary>
    /// The same preset with one precision for both stages. A stage whose precision is overridden does not change.
    /// </summary>
    /// <param name="precision">The precision; null to change nothing.</param>
    /// <param name="overrides">The overrides that were applied.</param>
    internal Preset In(ElementType? precision, IReadOnlyList<Override> overrides)
    {
        return this with { Pretrain = Change(Pretrain, "pretrain"), Finetune = Change(Finetune, "finetune") };

        TrainingConfig Change(TrainingConfig config, string stage) =>
            precision is null || IsGiven($"{stage}.precision", overrides) ? config : config with { Precision = precision.Value };
    }

    /// <summary>Refuses overrides of sizes that follow from the data.</summary>
    /// <param name="overrides">Values of keys.</param>
    /// <param name="sizes">The key, the value that follows from the data, and the file with this value.</param>
    /// <exception cref="DataException">An override has another value.</exception>
    internal static void RequireDataSizes(IEnumerable<Override> overrides, params (string Key, int Value, string File)[] sizes)
    {
        foreach (var one in overrides)
        {
            foreach (var (key, value, file) in sizes)
            {
                if (one.Key == key && one.Text != value.ToString(CultureInfo.InvariantCulture))
                    throw new DataException($"{one.Subject}={one.Text}: {file} has {value}, and this size follows from the file");
            }
        }
    }

    private static bool IsGiven(string key, IEnumerable<Override> overrides) => overrides.Any(one => one.Key == key);

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

    private static void Apply(JsonObject root, Override one)
    {
        if (one.Key.Length == 0)
            throw new DataException($"--set needs key=value, not {Printable.Quote(one.Value!.GetValue<string>())}");
        var value = PresetKeys.Find(one.Key, one.Subject).Check(one.Value, one.Subject);
        string[] path = one.Key.Split('.');
        Section(root, path[..^1])[path[^1]] = value;
    }
}

/// <summary>JSON of presets, as <see cref="ConfigurationJson"/> of their parts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(Preset))]
internal sealed partial class PresetJson : JsonSerializerContext;
