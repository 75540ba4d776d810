using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Attention;
using VideoSim.Kernels.Contract;

namespace VideoSim.Models.Configuration;

/// <summary>
/// Unit, meaning and range of every key of a configuration. Checks, <c>presets</c>, the JSON schema and the options of
/// the training commands read these tables.
/// </summary>
public static class ConfigKeys
{
    private const string Number = "number", Updates = "updates", Values = "values", Probability = "probability", Switch = "true or false";

    private const int MostInBatch = 1 << 16; // more than fits into memory; token counts stay within 32 bits

    /// <summary>Keys of <see cref="TrainingConfig"/>.</summary>
    public static IReadOnlyList<ConfigKey> Training { get; } =
    [
        new("batch", "videos or pairs", "samples of a micro-batch: videos in pretraining, pairs in finetuning") { Range = new(1, MostInBatch), Flag = "--batch-size" },
        new("steps", Updates, "updates of the weights; warmups and the encoder's schedule follow") { Range = ValueRange.Positive, Flag = "--max-steps" },
        new("encoder_rate", "per update", "peak learning rate of the text encoder") { Range = ValueRange.AtLeastZero, Flag = "--encoder-learning-rate" },
        new("encoder_warmup", Updates, "updates until the encoder's rate peaks") { Range = ValueRange.Count, Flag = "--warmup-steps" },
        new("encoder_schedule_steps", Updates, "update at which the encoder's rate would be 0; the run may end before it") { Range = ValueRange.Positive },
        new("rate", "per update", "peak learning rate of all parameters outside of the text encoder") { Range = ValueRange.AtLeastZero, Flag = "--learning-rate" },
        new("warmup", Updates, "updates until the rate peaks; it is 0 after the last update") { Range = ValueRange.Count, Flag = "--warmup-steps" },
        new("gradient_accumulation_steps", "micro-batches", "micro-batches of one update; their gradients are added") { Range = new(1, GradientTree.MostParts), Flag = "--gradient-accumulation-steps" },
        new("weight_decay", "per update and rate", "decoupled decay of weights, as in AdamW; biases and normalizations do not decay; 0 is off") { Range = ValueRange.AtLeastZero, Flag = "--weight-decay" },
        new("max_grad_norm", Number, "largest norm of the whole gradient; a longer one is scaled down; 0 is off") { Range = ValueRange.AtLeastZero, Flag = "--max-grad-norm" },
        new("precision", "type", "type of activations and matrices; bf16 needs a CUDA device") { Choices = [.. ElementTypes.Precisions.Select(PrecisionName.Of)], Flag = "--precision" },
        new("log_every", Updates, "updates between log lines") { Range = ValueRange.Positive, Flag = "--logging-steps" },
        new("evaluate_every", Updates, "updates between validations; the last update is always validated") { Range = ValueRange.Positive, Flag = "--eval-steps" },
        new("checkpoint_every", Updates, "updates between checkpoints; the last update always saves one") { Range = ValueRange.Positive, Flag = "--save-steps" },
        new("save_total_limit", "checkpoints", "newest checkpoints that are kept") { Range = ValueRange.Positive, Flag = "--save-total-limit" },
        new("early_stopping_patience", "validations", "validations without a better score after which the run ends; 0 is off") { Range = ValueRange.Count, Flag = "--early-stopping-patience" },
        new("on_nan", "action", "action if a value is NaN or infinite: stop the run, or roll back to the last good checkpoint, at most 3 times") { Choices = [TrainingConfig.Stop, TrainingConfig.Rollback], Flag = "--on-nan" },
    ];

    /// <summary>Keys of <see cref="LossConfig"/>.</summary>
    public static IReadOnlyList<ConfigKey> Losses { get; } =
    [
        new("consistency_weight", Number, "weight of the consistency between mixture and experts, in pretraining") { Range = ValueRange.AtLeastZero },
        new("consistency_temperature", Number, "temperature of the consistency's softmax") { Range = ValueRange.AboveZero },
        new("contrastive_weight", Number, "weight of the contrastive loss in pretraining, divided by the number of experts") { Range = ValueRange.AtLeastZero },
        new("contrastive_temperature", Number, "temperature of the contrastive loss") { Range = ValueRange.AboveZero },
        new("kl_weight", Number, "weight of the KL term in finetuning") { Range = ValueRange.AtLeastZero },
        new("tag_weight", Number, "weight of the tag terms; 0 for data without tags") { Range = ValueRange.AtLeastZero },
        new("mlm_weight", Number, "weight of the masked-token term, in the pretraining of models that have one") { Range = ValueRange.AtLeastZero },
        new("positive_gamma", Number, "focusing exponent of the tag loss for present tags") { Range = ValueRange.AtLeastZero },
        new("negative_gamma", Number, "focusing exponent of the tag loss for absent tags; 0 is cross-entropy") { Range = ValueRange.AtLeastZero },
        new("margin", Probability, "subtracted from the probability of absent tags in the tag loss") { Range = ValueRange.Probability },
    ];

    /// <summary>Keys of <see cref="ModelConfig"/>.</summary>
    public static IReadOnlyList<ConfigKey> Model { get; } =
    [
        new("model", "name", "name of the model") { Flag = "--model" },
        new("tags", "tags", "supervised tags; follows from the data") { Range = new(0, 1_000_000) },
        new("text_length", "tokens", "positions of the text, with the two special tokens") { Range = new(3, AttentionKernels.MaxLength) }, // two special tokens and one more
        new("frames", "frames", "frames that are sampled from a video") { Range = new(1, 4096) },
        new("even_frames", Switch, "whether the sampled frames are spread over the whole video; the published models take whole steps from its beginning"),
        new("frame_width", Values, "values of a frame; follows from the data") { Range = new(1, 1 << 16) },
        new("experts", "experts", "NeXtVLAD experts of the mixture") { Range = new(1, 64) },
        new("vlad_expansion", Number, "width of NeXtVLAD's expansion divided by the width of a frame") { Range = ValueRange.AboveZero },
        new("vlad_groups", "groups", "groups of NeXtVLAD") { Range = new(1, 4096) },
        new("vlad_clusters", "clusters", "clusters of NeXtVLAD") { Range = new(1, 4096) },
        new("vlad_width", Values, "output width of NeXtVLAD and of the text map") { Range = new(1, 1 << 16) },
        new("vlad_dropout", Probability, "chance to zero a value before NeXtVLAD's output layer") { Range = ValueRange.Probability },
        new("embedding_width", Values, "width of the video embedding") { Range = new(1, 256) }, // the limit of a submission
        new("masked_pooling", Switch, "whether padding and repeated frames are left out of means and maxima over positions; not in the published models"),
        new("fusion_dropout", Probability, "chance to zero a value of the fusion's input") { Range = ValueRange.Probability },
        new("tag_prior", Probability, "probability that the tag heads predict for every tag before training") { Range = new(0, 1, IsLeastOpen: true, IsMostOpen: true) },
        new("squeeze_ratio", Number, "input width of squeeze-excitation divided by its inner width") { Range = new(1, 256) },
    ];

    /// <summary>Keys of <see cref="EncoderConfig"/>.</summary>
    public static IReadOnlyList<ConfigKey> Encoder { get; } =
    [
        new("model_type", "name", "kind of the text encoder; follows from the model") { Choices = [EncoderConfig.Bert, EncoderConfig.RoFormer] },
        new("vocab_size", "pieces", "pieces of the vocabulary; follows from the vocabulary") { Range = new(1, 2_000_000) },
        new("hidden_size", Values, "width of the encoder") { Range = new(1, 1 << 14) },
        new("num_hidden_layers", "layers", "layers of the encoder") { Range = new(1, 256) },
        new("num_attention_heads", "heads", "attention heads of a layer") { Range = new(1, 1 << 14) },
        new("intermediate_size", Values, "width of the feed-forward part of a layer") { Range = new(1, 1 << 16) },
        new("max_position_embeddings", "positions", "positions that the encoder has; the text is not longer") { Range = new(1, 1 << 16) },
        new("type_vocab_size", "types", "token types that the encoder has; type 0 is used") { Range = new(1, 4096) },
        new("layer_norm_eps", Number, "added to the variance inside LayerNorm's root") { Range = new(0, 1, IsLeastOpen: true) },
        new("initializer_range", Number, "standard deviation of random initial weights") { Range = new(0, 1) },
        new("hidden_dropout_prob", Probability, "chance to zero a value of the embeddings and of each sub-layer's output") { Range = ValueRange.Probability },
        new("attention_probs_dropout_prob", Probability, "chance to zero an attention probability") { Range = ValueRange.Probability },
    ];

    /// <summary>The keys of a type of configuration.</summary>
    public static IReadOnlyList<ConfigKey> Of(Type type) => type == typeof(TrainingConfig) ? Training : type == typeof(LossConfig) ? Losses
        : type == typeof(ModelConfig) ? Model : type == typeof(EncoderConfig) ? Encoder : [];

    /// <summary>
    /// How to set a key of a stage's recipe on the command line: <c>--batch-size</c>, <c>--set pretrain.batch</c>.
    /// </summary>
    /// <param name="key">A key that has an option.</param>
    /// <param name="stage">The stage, for commands that take keys instead of options; null for the others.</param>
    internal static string OptionOf(string key, string? stage) => stage is null ? Training.First(one => one.Name == key).Flag! : $"--set {stage}.{key}";

    /// <summary>Refuses a configuration with a value that its key does not allow. Sections are not checked.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="type">Describes its keys.</param>
    /// <param name="where">The beginning of the message, such as <c>pretrain.</c> for the key.</param>
    /// <exception cref="DataException">A value is not allowed; the message names key and range.</exception>
    internal static void Require<T>(T config, JsonTypeInfo<T> type, string where) where T : class
    {
        var keys = Of(typeof(T)).ToDictionary(static key => key.Name);
        foreach (var property in type.Properties)
        {
            if (!keys.TryGetValue(property.Name, out var key) || property.Get?.Invoke(config) is not { } value)
                continue;
            if (key.Range is not null)
                RequireIn(key, Convert.ToDouble(value, CultureInfo.InvariantCulture), Convert.ToString(value, CultureInfo.InvariantCulture)!, where + key.Name);
            else if (value is string text)
                RequireOneOf(key, text, where + key.Name);
        }
    }

    /// <summary>Refuses a number outside of a key's range.</summary>
    /// <param name="key">A key of numbers.</param>
    /// <param name="value">The number.</param>
    /// <param name="text">The number as it was written.</param>
    /// <param name="subject">The beginning of the message: the key, or the option that sets it.</param>
    /// <exception cref="DataException">The number is outside.</exception>
    internal static void RequireIn(ConfigKey key, double value, string text, string subject)
    {
        if (!key.Range!.Contains(value))
        {
            throw new DataException(double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsInfinity(number)
                ? $"{subject}: {Printable.OneLine(text)} is not a number that fits" : $"{subject} must be {key.Range}, not {Printable.OneLine(text)}");
        }
    }

    /// <summary>Refuses a text that is none of a key's choices.</summary>
    /// <inheritdoc cref="RequireIn"/>
    internal static void RequireOneOf(ConfigKey key, string text, string subject)
    {
        if (key.Choices.Count > 0 && !key.Choices.Contains(text))
            throw new DataException($"{subject} cannot be {Printable.Quote(text)}; it must be {string.Join(" or ", key.Choices)}");
    }
}
