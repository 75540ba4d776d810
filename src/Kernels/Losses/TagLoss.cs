using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>Arguments of <see cref="TagLoss.Forward"/>.</summary>
public unsafe struct TagLossArgs
{
    /// <summary>[Rows, C]; row r belongs to video r % Videos, so several heads may lie one after the other.</summary>
    public float* Logits;

    /// <summary>[Videos, ceil(C / 32)]: tag c is bit c % 32 of word c / 32.</summary>
    public uint* Labels;

    /// <summary>[Rows]: the sum over the tags.</summary>
    public float* Loss;

    /// <summary>Sizes.</summary>
    public int Rows, Videos, C;
}

/// <summary>Arguments of <see cref="TagLoss.Backward"/>.</summary>
public unsafe struct TagLossGradArgs
{
    /// <summary>[Rows, C]</summary>
    public float* Logits;

    /// <summary>[Videos, ceil(C / 32)]</summary>
    public uint* Labels;

    /// <summary>[Rows, C]</summary>
    public float* dLogits;

    /// <summary>Sizes.</summary>
    public int Rows, Videos, C;

    /// <summary>Gradient of the objective by the loss of each row.</summary>
    public float Scale;

    /// <summary>1 to add to <see cref="dLogits"/>.</summary>
    public int Add;
}

/// <summary>
/// Binary cross-entropy of tags from logits: the sum over c of softplus(z) for a tag that is absent, softplus(-z) for one
/// that is present. Finite for every z; nothing is clipped.
/// </summary>
public static unsafe partial class TagLoss
{
    /// <summary>Bits of a word of labels.</summary>
    public const int WordBits = 32;

    /// <summary>Words of a video's labels.</summary>
    public static int Words(int tags) => (tags + WordBits - 1) / WordBits;

    /// <summary>Loss of each row. Items: rows.</summary>
    public static readonly Kernel<TagLossArgs> Forward = new("tag_cross_entropy_forward_f32")
    {
        CountItems = static (in TagLossArgs a) => a.Rows,
        Twin = SumRows,
        CountCost = static (in TagLossArgs a) => new(6.0 * a.Rows * a.C, 4.0 * (a.Rows * (a.C + 1.0) + (double)a.Videos * Words(a.C))),
    };

    /// <summary>dz = scale * (sigmoid(z) - y). Items: rows.</summary>
    public static readonly Kernel<TagLossGradArgs> Backward = new("tag_cross_entropy_backward_f32")
    {
        CountItems = static (in TagLossGradArgs a) => a.Rows,
        Twin = DifferentiateRows,
        CountCost = static (in TagLossGradArgs a) =>
            new(6.0 * a.Rows * a.C, 4.0 * ((2.0 + a.Add) * a.Rows * a.C + (double)a.Videos * Words(a.C))),
    };
}
