using System.Text.Json.Serialization;
using VideoSim.Engine;

namespace VideoSim.Models.Configuration;

/// <summary>All sizes of a model: what its config.json holds and what a checkpoint needs to be read again.</summary>
public sealed record ModelConfig
{
    /// <summary>Which of the models; see <see cref="Zoo.ModelZoo"/>.</summary>
    public required string Model { get; init; }

    /// <summary>The text encoder.</summary>
    public required EncoderConfig Encoder { get; init; }

    /// <summary>Number of tags, C; follows the tag list.</summary>
    public required int Tags { get; init; }

    /// <summary>Text positions, T, the two special tokens included.</summary>
    public int TextLength { get; set; } = 32;

    /// <summary>Frames a video is sampled to, F.</summary>
    public int Frames { get; set; } = 32;

    /// <summary>Spread the sampled frames over the whole video; published are whole steps from its beginning (specification 2.3, 9.10).</summary>
    public bool EvenFrames { get; set; }

    /// <summary>Values of a frame.</summary>
    public int FrameWidth { get; set; } = 1536;

    /// <summary>Experts of the mixture.</summary>
    public int Experts { get; set; } = 3;

    /// <summary>How much wider NeXtVLAD's expansion is than a frame; below 1 in small presets.</summary>
    public double VladExpansion { get; set; } = 2;

    /// <summary>Width of the expansion, over all groups.</summary>
    [JsonIgnore]
    public int VladExpandedWidth => (int)(VladExpansion * FrameWidth);

    /// <summary>NeXtVLAD groups, G.</summary>
    public int VladGroups { get; set; } = 8;

    /// <summary>NeXtVLAD clusters, K.</summary>
    public int VladClusters { get; set; } = 64;

    /// <summary>NeXtVLAD's output width, and the text map's.</summary>
    public int VladWidth { get; set; } = 1024;

    /// <summary>Chance to zero a value before NeXtVLAD's output layer.</summary>
    public float VladDropout { get; set; } = 0.2f;

    /// <summary>Width of the video embedding.</summary>
    public int EmbeddingWidth { get; set; } = 256;

    /// <summary>Leaves padding and repeated frames out of Uniter's mean and of mix-roformer's maximum; published is to take all positions (specification 9.8).</summary>
    public bool MaskedPooling { get; set; }

    /// <summary>Chance to zero a value of the fusion's input.</summary>
    public float FusionDropout { get; set; } = 0.2f;

    /// <summary>
    /// Probability that tag heads give every tag before training; 0.5 is a bias of 0, as published. Short runs begin at the
    /// tags' frequency, or they would spend their steps on learning that tags are rare (Lin et al., "Focal loss", 2017, 4.1).
    /// </summary>
    public double TagPrior { get; set; } = 0.5;

    /// <summary>How much narrower the squeeze of squeeze-excitation is.</summary>
    public int SqueezeRatio { get; set; } = 8;

    /// <summary>Checks that the sizes fit together.</summary>
    /// <exception cref="DataException">A size is out of range; the message names it.</exception>
    public void Validate()
    {
        Positive(TextLength - 2, "text_length minus the two special tokens");
        Positive(Tags, "tags");
        Positive(Frames, "frames");
        Positive(FrameWidth, "frame_width");
        Positive(Experts, "experts");
        if (!(VladExpansion > 0 && VladExpansion * FrameWidth < int.MaxValue) || VladExpandedWidth != VladExpansion * FrameWidth)
            throw new DataException($"vlad_expansion is {VladExpansion}; times frame_width ({FrameWidth}) it must be a positive whole number");
        Positive(VladGroups, "vlad_groups");
        Positive(VladClusters, "vlad_clusters");
        Positive(VladWidth, "vlad_width");
        Positive(EmbeddingWidth, "embedding_width");
        Positive(SqueezeRatio, "squeeze_ratio");
        if (Encoder.ModelType is not (EncoderConfig.Bert or EncoderConfig.RoFormer))
            throw new DataException($"encoder.model_type is '{Encoder.ModelType}'; there are {EncoderConfig.Bert} and {EncoderConfig.RoFormer}");
        Positive(Encoder.VocabSize, "encoder.vocab_size");
        Positive(Encoder.HiddenSize, "encoder.hidden_size");
        Positive(Encoder.NumHiddenLayers, "encoder.num_hidden_layers");
        Positive(Encoder.NumAttentionHeads, "encoder.num_attention_heads");
        Positive(Encoder.IntermediateSize, "encoder.intermediate_size");
        Divides(Encoder.NumAttentionHeads, Encoder.HiddenSize, "encoder.num_attention_heads", "encoder.hidden_size");
        if (Encoder.ModelType == EncoderConfig.RoFormer && Encoder.HiddenSize / Encoder.NumAttentionHeads % 2 != 0)
            throw new DataException($"encoder.hidden_size / encoder.num_attention_heads is {Encoder.HiddenSize / Encoder.NumAttentionHeads}, but rotary positions turn pairs of columns");
        Divides(VladGroups, VladExpandedWidth, "vlad_groups", "vlad_expansion * frame_width");
        Divides(SqueezeRatio, EmbeddingWidth, "squeeze_ratio", "embedding_width");
        if (EmbeddingWidth > 256)
            throw new DataException($"embedding_width is {EmbeddingWidth}; a submission may have at most 256");
        if (TextLength > Encoder.MaxPositionEmbeddings)
            throw new DataException($"text_length is {TextLength}, but the encoder has {Encoder.MaxPositionEmbeddings} positions");
        if (!(TagPrior > 0 && TagPrior < 1))
            throw new DataException($"tag_prior must lie between 0 and 1, not {TagPrior}");
        Probability(VladDropout, "vlad_dropout");
        Probability(FusionDropout, "fusion_dropout");
        Probability(Encoder.HiddenDropoutProb, "encoder.hidden_dropout_prob");
        Probability(Encoder.AttentionProbsDropoutProb, "encoder.attention_probs_dropout_prob");
    }

    private static void Positive(int value, string name)
    {
        if (value <= 0)
            throw new DataException($"{name} must be positive, not {value}");
    }

    private static void Divides(int divisor, int value, string divisorName, string valueName)
    {
        if (value % divisor != 0)
            throw new DataException($"{valueName} ({value}) must be a multiple of {divisorName} ({divisor})");
    }

    private static void Probability(float value, string name)
    {
        if (!(value >= 0 && value < 1))
            throw new DataException($"{name} must be in [0, 1), not {value}");
    }
}
