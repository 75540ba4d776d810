using System.Globalization;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Attention;

namespace VideoSim.Models.Configuration;

/// <summary>All sizes of a model: what its config.json holds and what a checkpoint needs to be read again.</summary>
public sealed record ModelConfig
{
    private const int MostExpandedWidth = 1 << 18;

    /// <summary>Canonical name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>The text encoder.</summary>
    public required EncoderConfig Encoder { get; init; }

    /// <summary>Number of tags, C; follows the tag list.</summary>
    public required int Tags { get; init; }

    /// <summary>Text positions, T, the two special tokens included.</summary>
    public int TextLength { get; set; } = 32;

    /// <summary>Frames a video is sampled to, F.</summary>
    public int Frames { get; set; } = 32;

    /// <summary>
    /// Spread the sampled frames over the whole video; published are whole steps from its beginning
    /// (docs/reference-system.md, section 2.3).
    /// </summary>
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

    /// <summary>
    /// Leaves padding and repeated frames out of Uniter's mean and of mix-roformer's maximum; published is to take all
    /// positions (docs/reference-system.md, section 9, item 8).
    /// </summary>
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

    /// <summary>
    /// Checks that each size is in its range and that they fit together. The ranges are generous; within them no product of two sizes leaves
    /// 32 bits. How much memory a model takes is another question.
    /// </summary>
    /// <param name="where">What the message begins with, such as the file that the sizes come from and a colon.</param>
    /// <exception cref="DataException">A size is out of range; the message names it.</exception>
    public void Validate(string where = "")
    {
        Range(TextLength, "text_length", 3, AttentionKernels.MaxLength); // two special tokens and one more
        Range(Tags, "tags", 1, 1_000_000);
        Range(Frames, "frames", 1, 4096);
        Range(FrameWidth, "frame_width", 1, 1 << 16);
        Range(Experts, "experts", 1, 64);
        if (!(VladExpansion > 0 && VladExpansion * FrameWidth <= MostExpandedWidth) || VladExpandedWidth != VladExpansion * FrameWidth)
            throw Bad($"vlad_expansion is {Text(VladExpansion)}; times frame_width ({FrameWidth}) it must be a whole number from 1 to {MostExpandedWidth}");
        Range(VladGroups, "vlad_groups", 1, 4096);
        Range(VladClusters, "vlad_clusters", 1, 4096);
        Range(VladWidth, "vlad_width", 1, 1 << 16);
        Range(EmbeddingWidth, "embedding_width", 1, 256); // a submission may have no more
        Range(SqueezeRatio, "squeeze_ratio", 1, 256);
        Divides(VladGroups, VladExpandedWidth, "vlad_groups", "vlad_expansion * frame_width");
        Divides(SqueezeRatio, EmbeddingWidth, "squeeze_ratio", "embedding_width");
        if (!(TagPrior > 0 && TagPrior < 1))
            throw Bad($"tag_prior must lie between 0 and 1, not {Text(TagPrior)}");
        Probability(VladDropout, "vlad_dropout");
        Probability(FusionDropout, "fusion_dropout");
        if (Encoder.ModelType is not (EncoderConfig.Bert or EncoderConfig.RoFormer))
            throw Bad($"encoder.model_type is {Printable.Quote(Encoder.ModelType)}; there are {EncoderConfig.Bert} and {EncoderConfig.RoFormer}");
        Range(Encoder.VocabSize, "encoder.vocab_size", 1, 2_000_000);
        Range(Encoder.HiddenSize, "encoder.hidden_size", 1, 1 << 14);
        Range(Encoder.NumHiddenLayers, "encoder.num_hidden_layers", 1, 256);
        Range(Encoder.NumAttentionHeads, "encoder.num_attention_heads", 1, 1 << 14);
        Range(Encoder.IntermediateSize, "encoder.intermediate_size", 1, 1 << 16);
        Range(Encoder.MaxPositionEmbeddings, "encoder.max_position_embeddings", 1, 1 << 16);
        Range(Encoder.TypeVocabSize, "encoder.type_vocab_size", 1, 4096);
        Divides(Encoder.NumAttentionHeads, Encoder.HiddenSize, "encoder.num_attention_heads", "encoder.hidden_size");
        if (Encoder.ModelType == EncoderConfig.RoFormer && Encoder.HiddenSize / Encoder.NumAttentionHeads % 2 != 0)
            throw Bad($"encoder.hidden_size / encoder.num_attention_heads is {Encoder.HiddenSize / Encoder.NumAttentionHeads}, but rotary positions turn pairs of columns");
        if (TextLength > Encoder.MaxPositionEmbeddings)
            throw Bad($"text_length is {TextLength}, but the encoder has {Encoder.MaxPositionEmbeddings} positions");
        if (!(Encoder.LayerNormEps > 0 && Encoder.LayerNormEps <= 1))
            throw Bad($"encoder.layer_norm_eps must be above 0 and at most 1, not {Text(Encoder.LayerNormEps)}");
        if (!(Encoder.InitializerRange >= 0 && Encoder.InitializerRange <= 1))
            throw Bad($"encoder.initializer_range must be in [0, 1], not {Text(Encoder.InitializerRange)}");
        Probability(Encoder.HiddenDropoutProb, "encoder.hidden_dropout_prob");
        Probability(Encoder.AttentionProbsDropoutProb, "encoder.attention_probs_dropout_prob");

        void Range(int value, string key, int least, int most)
        {
            if (value < least || value > most)
                throw Bad($"{key} must be from {least} to {most}, not {value}");
        }

        void Divides(int divisor, int value, string divisorKey, string valueKey)
        {
            if (value % divisor != 0)
                throw Bad($"{valueKey} ({value}) must be a multiple of {divisorKey} ({divisor})");
        }

        void Probability(float value, string key)
        {
            if (!(value >= 0 && value < 1))
                throw Bad($"{key} must be in [0, 1), not {Text(value)}");
        }

        DataException Bad(string what) => new(where + what);

        static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
    }
}
