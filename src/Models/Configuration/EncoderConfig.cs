namespace VideoSim.Models.Configuration;

/// <summary>Kind and sizes of a text encoder; names and defaults as in Hugging Face's config.json.</summary>
public sealed record EncoderConfig
{
    /// <summary>Position embeddings and a pooler.</summary>
    public const string Bert = "bert";

    /// <summary>Rotary positions, no pooler, and its own tokenizer.</summary>
    public const string RoFormer = "roformer";

    /// <summary><see cref="Bert"/> or <see cref="RoFormer"/>.</summary>
    public string ModelType { get; set; } = Bert;

    /// <summary>Pieces in the vocabulary, V.</summary>
    public required int VocabSize { get; init; }

    /// <summary>Width, C.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Layers, L.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>Attention heads, H.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Width of the feed-forward part.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Number of position embeddings.</summary>
    public int MaxPositionEmbeddings { get; set; } = 512;

    /// <summary>Number of token type embeddings; only type 0 is used.</summary>
    public int TypeVocabSize { get; set; } = 2;

    /// <summary>Added to the variance inside LayerNorm's root.</summary>
    public float LayerNormEps { get; set; } = 1e-12f;

    /// <summary>Standard deviation of initial weights, before they are cut at 2 sigma.</summary>
    public double InitializerRange { get; set; } = 0.02;

    /// <summary>Chance to zero a value of the embeddings and of each sub-layer's output.</summary>
    public float HiddenDropoutProb { get; set; } = 0.1f;

    /// <summary>Chance to zero an attention probability.</summary>
    public float AttentionProbsDropoutProb { get; set; } = 0.1f;
}
