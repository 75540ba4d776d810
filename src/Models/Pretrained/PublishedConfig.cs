using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Pretrained;

/// <summary>
/// The config.json of a published encoder, in Hugging Face's keys. Other keys do not affect the encoders of this
/// project.
/// </summary>
internal sealed record PublishedConfig
{
    // The defaults of Hugging Face's classes for missing keys.
    private const float DefaultDropout = 0.1f, DefaultEpsilon = 1e-12f;
    private const double DefaultRange = 0.02;
    private const int DefaultRoFormerPositions = 1536;

    public string? ModelType { get; init; }
    public string[]? Architectures { get; init; }
    public int? VocabSize { get; init; }
    public int? HiddenSize { get; init; }
    public int? EmbeddingSize { get; init; }
    public int? NumHiddenLayers { get; init; }
    public int? NumAttentionHeads { get; init; }
    public int? IntermediateSize { get; init; }
    public int? MaxPositionEmbeddings { get; init; }
    public int? TypeVocabSize { get; init; }
    public float? LayerNormEps { get; init; }
    public double? InitializerRange { get; init; }
    public float? HiddenDropoutProb { get; init; }
    public float? AttentionProbsDropoutProb { get; init; }
    public string? HiddenAct { get; init; }
    public string? PositionEmbeddingType { get; init; }
    public bool? RotaryValue { get; init; }
    public bool? IsDecoder { get; init; }

    /// <summary>Reads a config.json and checks that this project supports the encoder.</summary>
    /// <exception cref="DataException">
    /// It cannot be read, or describes an unsupported encoder; the message names file and key.
    /// </exception>
    public static PublishedConfig Read(string path) => Parse(path, SmallFile.Read(path));

    /// <summary>As <see cref="Read"/>, for the bytes of a file that was read before.</summary>
    public static PublishedConfig Parse(string path, ReadOnlySpan<byte> bytes)
    {
        var config = JsonFile.Parse(path, bytes, PublishedJson.Default.PublishedConfig);
        config = config with { ModelType = config.ModelType ?? KindOf(config.Architectures) };
        config.Check(path);
        return config;
    }

    /// <summary>
    /// The encoder's configuration with the sizes of its tensors. A note reports each size that differs in
    /// config.json.
    /// </summary>
    /// <param name="sizes">Sizes of the tensors. The number of positions of a RoFormer comes from config.json.</param>
    /// <param name="note">Receives each difference.</param>
    public EncoderConfig Complete(EncoderSizes sizes, Action<string> note)
    {
        Compare("hidden_size", HiddenSize, sizes.Width);
        Compare("num_hidden_layers", NumHiddenLayers, sizes.Layers);
        Compare("intermediate_size", IntermediateSize, sizes.Intermediate);
        Compare("type_vocab_size", TypeVocabSize, sizes.Types);
        Compare("vocab_size", VocabSize, sizes.WordRows);
        if (sizes.Positions is { } positions)
            Compare("max_position_embeddings", MaxPositionEmbeddings, positions);
        return new EncoderConfig
        {
            ModelType = ModelType!,
            VocabSize = sizes.Vocabulary,
            HiddenSize = sizes.Width,
            NumHiddenLayers = sizes.Layers,
            NumAttentionHeads = NumAttentionHeads!.Value,
            IntermediateSize = sizes.Intermediate,
            MaxPositionEmbeddings = sizes.Positions ?? MaxPositionEmbeddings ?? DefaultRoFormerPositions,
            TypeVocabSize = sizes.Types,
            LayerNormEps = LayerNormEps ?? DefaultEpsilon,
            InitializerRange = InitializerRange ?? DefaultRange,
            HiddenDropoutProb = HiddenDropoutProb ?? DefaultDropout,
            AttentionProbsDropoutProb = AttentionProbsDropoutProb ?? DefaultDropout,
        };

        void Compare(string key, int? said, int tensors)
        {
            if (said is { } value && value != tensors)
                note($"{key} is {value} in config.json, but {tensors} in the tensors; {tensors} is used");
        }
    }

    // Old files name only the class that wrote the model.
    private static string? KindOf(string[]? architectures) => architectures switch
    {
        [{ } name, ..] when name.StartsWith("Bert", StringComparison.Ordinal) => EncoderConfig.Bert,
        [{ } name, ..] when name.StartsWith("RoFormer", StringComparison.Ordinal) => EncoderConfig.RoFormer,
        _ => null,
    };

    private void Check(string path)
    {
        if (ModelType is null)
            throw Wrong("has no model_type");
        if (ModelType is not (EncoderConfig.Bert or EncoderConfig.RoFormer))
            throw Wrong($"model_type is {Printable.Quote(ModelType)}; it must be {EncoderConfig.Bert} or {EncoderConfig.RoFormer}");
        if (HiddenAct is not (null or "gelu"))
            throw Wrong($"hidden_act is {Printable.Quote(HiddenAct)}; only gelu is supported");
        if (PositionEmbeddingType is not (null or "absolute"))
            throw Wrong($"position_embedding_type is {Printable.Quote(PositionEmbeddingType)}; only absolute is supported");
        if (RotaryValue == true)
            throw Wrong("rotary_value is true; only rotation of queries and keys is supported");
        if (IsDecoder == true)
            throw Wrong("is_decoder is true; only encoders are supported");
        if (EmbeddingSize is { } embedding && embedding != HiddenSize)
            throw Wrong($"embedding_size is {embedding}, hidden_size {HiddenSize}; they must be equal");
        if (NumAttentionHeads is not > 0)
            throw Wrong(NumAttentionHeads is null ? "has no num_attention_heads" : $"num_attention_heads is {NumAttentionHeads}");
        if (MaxPositionEmbeddings is <= 0)
            throw Wrong($"max_position_embeddings is {MaxPositionEmbeddings}");
        if (!(LayerNormEps is null or (> 0 and < 1)))
            throw Wrong($"layer_norm_eps is {LayerNormEps}; it must lie between 0 and 1");
        if (!(InitializerRange is null or (> 0 and < 1)))
            throw Wrong($"initializer_range is {InitializerRange}; it must lie between 0 and 1");
        if (!(HiddenDropoutProb is null or (>= 0 and < 1)))
            throw Wrong($"hidden_dropout_prob is {HiddenDropoutProb}; it must be in [0, 1)");
        if (!(AttentionProbsDropoutProb is null or (>= 0 and < 1)))
            throw Wrong($"attention_probs_dropout_prob is {AttentionProbsDropoutProb}; it must be in [0, 1)");

        DataException Wrong(string complaint) => new(FormattableString.Invariant($"{path}: {complaint}"));
    }
}

/// <summary>Sizes of an encoder, from its tensors.</summary>
/// <param name="WordRows">Rows of the word table in the file.</param>
/// <param name="Vocabulary">Pieces of vocab.txt: the rows of the word table that are used.</param>
/// <param name="Width">Columns of the word table.</param>
/// <param name="Layers">Layers.</param>
/// <param name="Intermediate">Width of the feed-forward part.</param>
/// <param name="Positions">Rows of the position table; null if there is none.</param>
/// <param name="Types">Token types.</param>
internal sealed record EncoderSizes(int WordRows, int Vocabulary, int Width, int Layers, int Intermediate, int? Positions, int Types);

/// <summary>JSON of the descriptions in a published encoder's folder. Unknown keys are ignored.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(PublishedConfig))]
[JsonSerializable(typeof(PublishedTokenizer))]
internal sealed partial class PublishedJson : JsonSerializerContext;
