using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Attention;

/// <summary>
/// Arguments of both directions. One row of <see cref="QueryKeyValue"/> holds the queries, keys and values of all heads,
/// 3C = 3 * Heads * D values.
/// </summary>
public unsafe struct AttentionArgs
{
    /// <summary>[B, S, 3C]</summary>
    public float* QueryKeyValue;

    /// <summary>Key mask [B, S]: 1 keeps, 0 hides.</summary>
    public int* Mask;

    /// <summary>[B, S, C]; read by backward never, written by forward.</summary>
    public float* Context;

    /// <summary>[B, S, C]; backward only.</summary>
    public float* dContext;

    /// <summary>[B, S, 3C]; backward only.</summary>
    public float* dQueryKeyValue;

    /// <summary>Dropout on the probabilities; element ((b * Heads + h) * S + query) * S + key.</summary>
    public DropoutSite Dropout;

    /// <summary>Sizes; D = width of a head.</summary>
    public int B, S, Heads, D;

    /// <summary>1 to add to <see cref="dQueryKeyValue"/>.</summary>
    public int Add;
}

/// <summary>
/// Scaled dot-product attention with key mask and dropout (Vaswani et al., 2017; specification 3.1): scores / sqrt(D),
/// -10000 on hidden keys, exact softmax. Backward computes the probabilities again and never reads the output: its row
/// term is the sum of probability times gradient.
/// </summary>
public static unsafe partial class Attention
{
    /// <summary>Longest sequence: the score matrices of an item lie on the stack.</summary>
    public const int MaxLength = 256;

    /// <summary>Added to the score of a hidden key.</summary>
    public const float HiddenKey = -10000;

    /// <summary>Context from queries, keys and values. Items: videos x heads.</summary>
    public static readonly Kernel<AttentionArgs> Forward = new("attention_forward_f32")
    {
        CountItems = Items,
        Twin = ForwardItems,
        CountCost = static (in AttentionArgs a) => new(4.0 * Pairs(a) * a.D + 5.0 * Pairs(a), 4.0 * Rows(a) * 4),
    };

    /// <summary>Gradients of queries, keys and values. Items: videos x heads.</summary>
    public static readonly Kernel<AttentionArgs> Backward = new("attention_backward_f32")
    {
        CountItems = Items,
        Twin = BackwardItems,
        CountCost = static (in AttentionArgs a) => new(10.0 * Pairs(a) * a.D + 12.0 * Pairs(a), 4.0 * Rows(a) * (7 + 3 * a.Add)),
    };

    private static int Items(in AttentionArgs a) => a.B * a.Heads;

    private static double Pairs(in AttentionArgs a) => (double)a.B * a.Heads * a.S * a.S;

    // Values of one [B, S, C] tensor.
    private static double Rows(in AttentionArgs a) => (double)a.B * a.S * a.Heads * a.D;
}
