using System.Globalization;
using System.Text.Json.Serialization;
using VideoSim.Engine;

namespace VideoSim.Models.Configuration;

/// <summary>All sizes of a model, as in its config.json. A checkpoint cannot be read without them.</summary>
public sealed record ModelConfig
{
    private const int MostExpandedWidth = 1 << 18;

    // A quotient, times its divisor, differs from the dividend by at most two roundings: 2^-52 of at most 2^18.
    private const double ExpansionRounding = 1e-9;

    /// <summary>Canonical name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>The text encoder.</summary>
    public required EncoderConfig Encoder { get; init; }

    /// <summary>Number of tags, C; follows the tag list. Without tags a model has no tag heads.</summary>
    public required int Tags { get; init; }

    /// <summary>Text positions, T, the two special tokens included.</summary>
    public int TextLength { get; set; } = 32;

    /// <summary>Sampled frames of a video, F.</summary>
    public int Frames { get; set; } = 32;

    /// <summary>
    /// Spreads the sampled frames over the whole video. The published models take whole steps from its beginning
    /// (docs/reference-system.md, section 2.3).
    /// </summary>
    public bool EvenFrames { get; set; }

    /// <summary>Values of a frame.</summary>
    public int FrameWidth { get; set; } = 1536;

    /// <summary>Experts of the mixture.</summary>
    public int Experts { get; set; } = 3;

    /// <summary>Width of NeXtVLAD's expansion divided by the width of a frame; below 1 in small presets.</summary>
    public double VladExpansion { get; set; } = 2;

    /// <summary>Width of the expansion, over all groups.</summary>
    [JsonIgnore]
    public int VladExpandedWidth => (int)Math.Round(VladExpansion * FrameWidth);

    /// <summary>NeXtVLAD groups, G.</summary>
    public int VladGroups { get; set; } = 8;

    /// <summary>NeXtVLAD clusters, K.</summary>
    public int VladClusters { get; set; } = 64;

    /// <summary>Output width of NeXtVLAD and of the text map.</summary>
    public int VladWidth { get; set; } = 1024;

    /// <summary>Chance to zero a value before NeXtVLAD's output layer.</summary>
    public float VladDropout { get; set; } = 0.2f;

    /// <summary>Width of the video embedding.</summary>
    public int EmbeddingWidth { get; set; } = 256;

    /// <summary>
    /// Excludes padding and repeated frames from Uniter's mean and from mix-roformer's maximum. The published models
    /// use all positions (docs/reference-system.md, section 9, item 8).
    /// </summary>
    public bool MaskedPooling { get; set; }

    /// <summary>Chance to zero a value of the fusion's input.</summary>
    public float FusionDropout { get; set; } = 0.2f;

    /// <summary>
    /// Probability that the tag heads predict for every tag before training. 0.5 means a bias of 0, as published.
    /// Short runs start at the tags' frequency; otherwise their steps only learn that tags are rare (Lin et al.,
    /// "Focal loss", 2017, 4.1).
    /// </summary>
    public double TagPrior { get; set; } = 0.5;

    /// <summary>Input width of squeeze-excitation divided by its inner width.</summary>
    public int SqueezeRatio { get; set; } = 8;

    /// <summary>
    /// The same sizes with the nearest expansion for which <see cref="VladExpandedWidth"/> is a multiple of
    /// <see cref="VladGroups"/>. An expansion that fits does not change.
    /// </summary>
    public ModelConfig WithFittingExpansion()
    {
        double expanded = VladExpansion * FrameWidth;
        if (VladGroups < 1 || FrameWidth < 1 || !(expanded > 0 && expanded <= MostExpandedWidth) || expanded % VladGroups == 0)
            return this; // Validate reports sizes that are out of range
        return this with { VladExpansion = Math.Max(1, Math.Round(expanded / VladGroups)) * VladGroups / FrameWidth };
    }

    /// <summary>
    /// Checks the range of each size, and that the sizes fit together. The ranges are wide, but no product of two
    /// sizes exceeds 32 bits. This does not check the memory that a model needs.
    /// </summary>
    /// <param name="where">The beginning of the message, such as the file of the sizes and a colon.</param>
    /// <exception cref="DataException">A size is out of range; the message names it.</exception>
    public void Validate(string where = "")
    {
        RequireRanges(where);
        if (!(VladExpansion > 0 && VladExpansion * FrameWidth <= MostExpandedWidth) || Math.Abs(VladExpandedWidth - (VladExpansion * FrameWidth)) > ExpansionRounding || VladExpandedWidth == 0)
            throw Bad($"vlad_expansion is {VladExpansion.ToString(CultureInfo.InvariantCulture)}; times frame_width ({FrameWidth}) it must be a whole number from 1 to {MostExpandedWidth}");
        Divides(VladGroups, VladExpandedWidth, "vlad_groups", "vlad_expansion * frame_width");
        Divides(SqueezeRatio, EmbeddingWidth, "squeeze_ratio", "embedding_width");
        Divides(Encoder.NumAttentionHeads, Encoder.HiddenSize, "encoder.num_attention_heads", "encoder.hidden_size");
        if (Encoder.ModelType == EncoderConfig.RoFormer && Encoder.HiddenSize / Encoder.NumAttentionHeads % 2 != 0)
            throw Bad($"encoder.hidden_size / encoder.num_attention_heads is {Encoder.HiddenSize / Encoder.NumAttentionHeads}, but rotary positions need an even number");
        if (TextLength > Encoder.MaxPositionEmbeddings)
            throw Bad($"text_length is {TextLength}, but the encoder has {Encoder.MaxPositionEmbeddings} positions");

        void Divides(int divisor, int value, string divisorKey, string valueKey)
        {
            if (value % divisor != 0)
                throw Bad($"{valueKey} ({value}) must be a multiple of {divisorKey} ({divisor})");
        }

        DataException Bad(string what) => new(where + what);
    }

    /// <summary>
    /// Checks each value alone. JSON has no infinity, so only values in their ranges can be written.
    /// </summary>
    /// <param name="where">The beginning of messages.</param>
    /// <exception cref="DataException">A value is out of its range; the message names it.</exception>
    internal void RequireRanges(string where)
    {
        ConfigKeys.Require(this, ConfigurationJson.Default.ModelConfig, where);
        ConfigKeys.Require(Encoder, ConfigurationJson.Default.EncoderConfig, $"{where}encoder.");
    }
}
