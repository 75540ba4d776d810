using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Attention;

/// <summary>
/// Arguments of both directions. C = Heads * D. Queries, keys and values lie in rows of their own lengths, so that one tensor
/// may hold all three, or another one the queries of fewer positions.
/// </summary>
public unsafe struct AttentionArgs
{
    /// <summary>[B, Queries, C], rows <see cref="QueryRow"/> apart: the first positions of the sequence ask.</summary>
    public void* Query;

    /// <summary>[B, S, C], rows <see cref="KeyRow"/> apart.</summary>
    public void* Key;

    /// <summary>[B, S, C], rows <see cref="KeyRow"/> apart.</summary>
    public void* Value;

    /// <summary>Key mask [B, S]: 1 keeps, 0 hides.</summary>
    public int* Mask;

    /// <summary>Rotary positions of queries and keys, [at least S, D] of <see cref="Rotary.RotaryTable"/>; or null for none.</summary>
    public float* Rotary;

    /// <summary>Added to every row of the queries before they are turned, [C]; or null.</summary>
    public float* QueryBias;

    /// <summary>The same of keys and values, [C]; or both null.</summary>
    public float* KeyBias, ValueBias;

    /// <summary>[B, Queries, C]; forward only.</summary>
    public void* Context;

    /// <summary>[B, Queries, C]; backward only.</summary>
    public void* dContext;

    /// <summary>Gradient of the queries, laid out like them, or null; backward only.</summary>
    public void* dQuery;

    /// <summary>Gradients of keys and values, laid out like them, or both null; backward only.</summary>
    public void* dKey, dValue;

    /// <summary>Each video's part of the gradient of <see cref="QueryBias"/>, [B, C], rows <see cref="QueryRow"/> apart; or null, as where <see cref="dQuery"/> is.</summary>
    public float* dQueryBias;

    /// <summary>The same of keys and values, rows <see cref="KeyRow"/> apart; or both null, as where <see cref="dKey"/> is.</summary>
    public float* dKeyBias, dValueBias;

    /// <summary>Dropout on the probabilities; element ((b * Heads + h) * S + query) * S + key.</summary>
    public DropoutSite Dropout;

    /// <summary>Sizes; D = width of a head, at most <see cref="S"/> queries.</summary>
    public int B, Queries, S, Heads, D;

    /// <summary>Values from one row to the next.</summary>
    public int QueryRow, KeyRow;

    /// <summary>1 to add to <see cref="dQuery"/>, or to <see cref="dKey"/> and <see cref="dValue"/>.</summary>
    public int AddQuery, AddKeyValue;
}

/// <summary>
/// Scaled dot-product attention with key mask, dropout and, if wanted, the biases of the projections before it and rotary positions (Vaswani et al., 2017; Su et al.,
/// 2021; docs/reference-system.md, sections 3.1 and 3.2): scores / sqrt(D), -10000 on hidden keys, exact softmax.
/// Backward computes the probabilities again and never reads the output: its row term is the sum of probability times
/// gradient. Gradients of biases are left as sums over each video's positions. These kernels take any shape;
/// <see cref="For"/> knows when there are faster ones.
/// </summary>
public static unsafe partial class AttentionKernels
{
    /// <summary>Longest sequence: the score matrices of an item lie on the stack.</summary>
    public const int MaxLength = 256;

    /// <summary>Added to the score of a hidden key.</summary>
    public const float HiddenKey = -10000;

    /// <summary>Most values of a head's keys with biases or rotary positions, S * D: copies with these lie on the stack, too.</summary>
    public const int MaxPrepared = 1 << 15;

    private const int Warps = 4, Rows = 4; // of a block, and queries of a warp: small enough for several blocks on a multiprocessor at S = 64
    private const int TileQueries = Warps * Rows;

    // A panel holds 32 columns, one for each lane. A column more keeps lanes that read 32 keys at once on banks of their own;
    // four more keep rows of queries on 16 bytes.
    private const int KeyPitch = 33, QueryPitch = 36;

    private const double OperationsOfTerm = 2; // of a sum of products over the columns of a head: multiply, add
    private const double OperationsOfScore = 5; // scale and mask 2; less the largest, exp, sum

    // The softmax again 5; dropout of it and of its gradient 2; the row's sum of both 2; taken off, times the probability, times the scale 3.
    private const double OperationsOfScoreGradient = 12;

    private const double OperationsOfTurn = 3; // of a value, by its position's angle: two products, sum

    private static readonly KernelFile File = new("attention", "Attention.cu", $"WARPS={Warps}", $"ROWS={Rows}",
        $"KEY_PITCH={KeyPitch}", $"QUERY_PITCH={QueryPitch}", FormattableString.Invariant($"HIDDEN_KEY={HiddenKey:F1}f"));

    /// <summary>Context from queries, keys and values. Items: videos x heads.</summary>
    public static readonly KernelPair<AttentionArgs> Forward = new("attention_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in AttentionArgs a, in DeviceLimits _) =>
            new(a.B * a.Heads, 32 * Warps, GridY: (a.Queries + TileQueries - 1) / TileQueries, SharedBytes: SharedBytes(a, matrices: 1)),
        CountItems = Items,
        Twin = precision == ElementType.Float32 ? ForwardItems : null,
        CountCost = (in AttentionArgs a) => ForwardCost(a, precision),
    });

    /// <summary>Gradients of queries, keys and values. Items: videos x heads.</summary>
    public static readonly KernelPair<AttentionArgs> Backward = new("attention_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in AttentionArgs a, in DeviceLimits _) =>
            new(a.B * a.Heads, 32 * Warps, SharedBytes: SharedBytes(a, matrices: 2) + (HasBiasGradient(a) ? sizeof(float) * 3 * Warps * a.D : 0)),
        CountItems = Items,
        Twin = precision == ElementType.Float32 ? BackwardItems : null,
        CountCost = (in AttentionArgs a) => BackwardCost(a, precision),
    });

    /// <summary>The kernels to take for a shape: of tensor cores where there is an instance for bf16, otherwise those that take any.</summary>
    public static (Kernel<AttentionArgs> Forward, Kernel<AttentionArgs> Backward) For(ElementType precision, int s, int d) =>
        precision == ElementType.BFloat16 && AttentionTensorCoreKernels.InstanceFor(s, d) is { } instance
            ? (instance.Forward, instance.Backward) : (Forward[precision], Backward[precision]);

    /// <summary>Work of <see cref="Forward"/>, whatever kernel does it.</summary>
    internal static KernelCost ForwardCost(in AttentionArgs a, ElementType precision) => new(
        (2 * OperationsOfTerm * a.D + OperationsOfScore) * Pairs(a) + Preparing(a), precision.Size() * (2 * Asking(a) + 2 * Asked(a)) + TableBytes(a));

    /// <summary>Work of <see cref="Backward"/>, whatever kernel does it.</summary>
    internal static KernelCost BackwardCost(in AttentionArgs a, ElementType precision) => new(
        ((2 + (a.dQuery != null ? 1 : 0) + (a.dKey != null ? 2 : 0)) * OperationsOfTerm * a.D + OperationsOfScoreGradient) * Pairs(a) + 2 * Preparing(a),
        precision.Size() * ((2 + (a.dQuery != null ? 1 + a.AddQuery : 0)) * Asking(a) + (2 + (a.dKey != null ? 2 * (1 + a.AddKeyValue) : 0)) * Asked(a))
            + TableBytes(a) + 4.0 * a.B * a.Heads * a.D * ((a.dQueryBias != null ? 1 : 0) + (a.dKeyBias != null ? 2 : 0)));

    internal static int Items(in AttentionArgs a) => a.B * a.Heads;

    // A panel of queries, one of keys, and matrices of a tile's queries and all keys. At most 69 KiB, with 256 keys in backward.
    private static int SharedBytes(in AttentionArgs a, int matrices)
    {
        int keys = (a.S + 3) / 4 * 4;
        return sizeof(float) * (TileQueries * QueryPitch + keys * (KeyPitch + matrices * TileQueries));
    }

    private static bool HasBiasGradient(in AttentionArgs a) => a.dQueryBias != null || a.dKeyBias != null;

    private static double Pairs(in AttentionArgs a) => (double)a.B * a.Heads * a.Queries * a.S;

    // Values of one [B, Queries, C] and of one [B, S, C] tensor.
    private static double Asking(in AttentionArgs a) => (double)a.B * a.Queries * a.Heads * a.D;

    private static double Asked(in AttentionArgs a) => (double)a.B * a.S * a.Heads * a.D;

    // Queries and keys are turned, to all three a bias is added.
    private static double Preparing(in AttentionArgs a) => (a.Rotary == null ? 0 : OperationsOfTurn * (Asking(a) + Asked(a)))
        + (a.QueryBias == null ? 0 : Asking(a)) + (a.KeyBias == null ? 0 : 2 * Asked(a));

    // What all heads read: mask, angles, biases.
    private static double TableBytes(in AttentionArgs a) => 4.0 * a.B * a.S + (a.Rotary == null ? 0 : 4.0 * a.S * a.D)
        + 4.0 * a.Heads * a.D * ((a.QueryBias == null ? 0 : 1) + (a.KeyBias == null ? 0 : 2));
}
