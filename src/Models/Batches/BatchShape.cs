using VideoSim.Models.Configuration;

namespace VideoSim.Models.Batches;

/// <summary>The sizes of a batch. They alone define its layout, which is the same on every device.</summary>
/// <param name="Videos">Videos, B; for pairs 2P, left sides first.</param>
/// <param name="Pairs">Pairs, P; 0 for single videos.</param>
/// <param name="TextLength">Text positions, T.</param>
/// <param name="Frames">Frames, F.</param>
/// <param name="FrameWidth">Values of a frame, W.</param>
/// <param name="Tags">Tags, C.</param>
/// <param name="MaskedCapacity">
/// Rows for masked tokens: the largest number that can be masked, or 0 for a model without masking.
/// </param>
public readonly record struct BatchShape(int Videos, int Pairs, int TextLength, int Frames, int FrameWidth, int Tags, int MaskedCapacity = 0)
{
    /// <summary>The shape of a batch of single videos for a model.</summary>
    public static BatchShape OfVideos(ModelConfig config, int videos, int maskedCapacity = 0) =>
        new(videos, 0, config.TextLength, config.Frames, config.FrameWidth, config.Tags, maskedCapacity);

    /// <summary>The shape of a batch of pairs for a model.</summary>
    public static BatchShape OfPairs(ModelConfig config, int pairs) => OfVideos(config, 2 * pairs) with { Pairs = pairs };

    /// <summary>Text positions of all videos.</summary>
    public int Tokens => Videos * TextLength;

    /// <summary>Number of 32-bit words of one video's tag labels.</summary>
    public int LabelWords => (Tags + 31) / 32;
}
