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

    /// <summary>Focusing exponents of present and of absent tags, and what is taken off the probability of absent ones; all 0: cross-entropy.</summary>
    public float PositiveGamma, NegativeGamma, Margin;
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

    /// <summary>As in <see cref="TagLossArgs"/>.</summary>
    public float PositiveGamma, NegativeGamma, Margin;

    /// <summary>Gradient of the objective by the loss of each row.</summary>
    public float Scale;

    /// <summary>1 to add to <see cref="dLogits"/>.</summary>
    public int Add;
}

/// <summary>
/// Asymmetric loss of tags from logits (Ridnik et al., "Asymmetric loss for multi-label classification", 2021;
/// specification 4.2 and 9.1), of which binary cross-entropy is the case without focus. With w = -z for a tag that is present,
/// w = z for one that is absent, and P = sigmoid(w): the sum over c of P^gamma softplus(w). The power is exp(-gamma softplus(-w)),
/// so loss and gradient are finite for every z and nothing is clipped. The gradient flows through P^gamma.
/// A margin m replaces the probability p of an absent tag by max(p - m, 0).
/// </summary>
public static unsafe partial class TagLoss
{
    private const double OperationsPerTag = 6; // an exponential counts as one

    /// <summary>Bits of a word of labels.</summary>
    public const int WordBits = 32;

    private const string File = "TagLoss.cu";
    private const int Warps = 8, Threads = 32 * Warps; // of a CUDA block

    private static readonly string[] Macros = [$"WARPS={Warps}", $"WORD_BITS={WordBits}"];

    /// <summary>Words of a video's labels.</summary>
    public static int Words(int tags) => (tags + WordBits - 1) / WordBits;

    /// <summary>Loss of each row. Items: rows.</summary>
    public static readonly Kernel<TagLossArgs> Forward = new("asymmetric_tag_loss_forward_f32")
    {
        Family = "asymmetric-loss",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in TagLossArgs a, in DeviceLimits _) => new(a.Rows, Threads),
        CountItems = static (in TagLossArgs a) => a.Rows,
        Twin = SumRows,
        CountCost = static (in TagLossArgs a) => new(OperationsPerTag * a.Rows * a.C, 4.0 * (a.Rows * (a.C + 1.0) + (double)a.Videos * Words(a.C))),
    };

    /// <summary>Adds to dz, times scale: without margin ±P^gamma (gamma (1 - P) softplus(w) + P). Items: rows.</summary>
    public static readonly Kernel<TagLossGradArgs> Backward = new("asymmetric_tag_loss_backward_f32")
    {
        Family = "asymmetric-loss",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in TagLossGradArgs a, in DeviceLimits _) => new(a.Rows, Threads),
        CountItems = static (in TagLossGradArgs a) => a.Rows,
        Twin = DifferentiateRows,
        CountCost = static (in TagLossGradArgs a) =>
            new(OperationsPerTag * a.Rows * a.C, 4.0 * ((2.0 + a.Add) * a.Rows * a.C + (double)a.Videos * Words(a.C))),
    };
}
