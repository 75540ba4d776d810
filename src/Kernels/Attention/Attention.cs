using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Attention;

/// <summary>
/// Arguments of both directions. C = Heads * D. Queries, keys and values have row lengths of their own. So one tensor
/// may contain all three, or another tensor the queries of fewer positions.
/// </summary>
public unsafe struct AttentionArgs
{
    /// <summary>
    /// [B, Queries, C], rows <see cref="QueryRow"/> apart: only the first <see cref="Queries"/> positions are used as
    /// queries.
    /// </summary>
    public void* Query;

    /// <summary>[B, S, C], rows <see cref="KeyRow"/> apart.</summary>
    public void* Key;

    /// <summary>[B, S, C], rows <see cref="KeyRow"/> apart.</summary>
    public void* Value;

    /// <summary>Key mask [B, S]: 1 keeps, 0 hides.</summary>
    public int* Mask;

    /// <summary>
    /// Table of rotary positions, [at least S, D], of <see cref="Rotary.RotaryTable"/>; null for none.
    /// </summary>
    public float* Rotary;

    /// <summary>[C], added to every row of the queries before they are turned; or null.</summary>
    public float* QueryBias;

    /// <summary>[C], the same for keys and values; or both null.</summary>
    public float* KeyBias, ValueBias;

    /// <summary>[B, Queries, C]; forward only.</summary>
    public void* Context;

    /// <summary>[B, Queries, C]; backward only.</summary>
    public void* dContext;

    /// <summary>Gradient of the queries, with the same layout, or null; backward only.</summary>
    public void* dQuery;

    /// <summary>Gradients of keys and values, with the same layout, or both null; backward only.</summary>
    public void* dKey, dValue;

    /// <summary>
    /// [B, C], rows <see cref="QueryRow"/> apart: each video's part of the gradient of <see cref="QueryBias"/>. May be
    /// null, and is null if <see cref="dQuery"/> is.
    /// </summary>
    public float* dQueryBias;

    /// <summary>
    /// The same for keys and values, rows <see cref="KeyRow"/> apart. Both may be null, and are null if
    /// <see cref="dKey"/> is.
    /// </summary>
    public float* dKeyBias, dValueBias;

    /// <summary>Dropout on the probabilities; element ((b * Heads + h) * S + query) * S + key.</summary>
    public DropoutSite Dropout;

    /// <summary>Sizes. D is the width of a head. Queries is at most <see cref="S"/>.</summary>
    public int B, Queries, S, Heads, D;

    /// <summary>Values from one row to the next.</summary>
    public int QueryRow, KeyRow;

    /// <summary>1 to add to <see cref="dQuery"/>, or to <see cref="dKey"/> and <see cref="dValue"/>.</summary>
    public int AddQuery, AddKeyValue;
}

/// <summary>
/// Scaled dot-product attention with key mask, dropout and, optionally, the biases of the projections before it and
/// rotary positions (Vaswani et al., 2017; Su et al., 2021; docs/reference-system.md, sections 3.1 and 3.2). Scores
/// are divided by sqrt(D), hidden keys get -10000, and the softmax is exact. Backward recomputes the probabilities. It
/// does not read the output, because its row term is the sum of probability times gradient. Gradients of biases are
/// sums over each video's positions. These kernels support any shape; <see cref="For"/> chooses faster ones where
/// there are any.
/// </summary>
public static unsafe partial class AttentionKernels
{
    /// <summary>Longest sequence. The score matrices of an item are on the stack.</summary>
    public const int MaxLength = 256;

    /// <summary>Added to the score of a hidden key.</summary>
    public const float HiddenKey = -10000;

    /// <summary>Largest S * D of a head with biases or rotary positions: the copies are on the stack, too.</summary>
    public const int MaxPrepared = 1 << 15;

    private const int Warps = 4, Rows = 4; // of a block, and queries of a warp: several blocks fit on a multiprocessor at S = 64
    private const int StripQueries = Warps * Rows;

    // A panel has 32 columns, one for each lane. With one more column, lanes that read 32 keys at once use different
    // banks. With four more, rows of queries begin on 16 bytes.
    private const int KeyPitch = 33, QueryPitch = 36;

    private const double OperationsOfTerm = 2; // of a dot product over the columns of a head: multiply, add
    private const double OperationsOfScore = 5; // scale and mask 2; minus the largest, exp, sum 3

    // The softmax again 5; dropout of it and of its gradient 2; the row's sum of both 2; minus that sum, times the
    // probability, times the scale 3.
    private const double OperationsOfScoreGradient = 12;

    private const double OperationsOfTurn = 3; // of a value, by its position's angle: two products, sum

    private static readonly KernelFile File = new("attention", "Attention.cu", $"WARPS={Warps}", $"ROWS={Rows}",
        $"KEY_PITCH={KeyPitch}", $"QUERY_PITCH={QueryPitch}", FormattableString.Invariant($"HIDDEN_KEY={HiddenKey:F1}f"));

    /// <summary>Context from queries, keys and values. Items: videos x heads.</summary>
    public static readonly KernelPair<AttentionArgs> Forward = new("attention_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in AttentionArgs a, in DeviceLimits _) =>
            new(a.B * a.Heads, 32 * Warps, GridY: (a.Queries + StripQueries - 1) / StripQueries, SharedBytes: SharedBytes(a, matrices: 1)),
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

    /// <summary>
    /// The kernels for a shape: those on tensor cores if there is a bf16 instance for it, otherwise the plain ones.
    /// </summary>
    public static (Kernel<AttentionArgs> Forward, Kernel<AttentionArgs> Backward) For(ElementType precision, int s, int d) =>
        precision == ElementType.BFloat16 && AttentionTensorCoreKernels.InstanceFor(s, d) is { } instance
            ? (instance.Forward, instance.Backward) : (Forward[precision], Backward[precision]);

    /// <summary>Cost of the forward kernels, plain or on tensor cores.</summary>
    internal static KernelCost ForwardCost(in AttentionArgs a, ElementType precision) => new(
        (2 * OperationsOfTerm * a.D + OperationsOfScore) * Pairs(a) + PreparationOperations(a), precision.Size() * (2 * QueryElements(a) + 2 * KeyElements(a)) + TableBytes(a));

    /// <summary>Cost of the backward kernels, plain or on tensor cores.</summary>
    internal static KernelCost BackwardCost(in AttentionArgs a, ElementType precision) => new(
        ((2 + (a.dQuery != null ? 1 : 0) + (a.dKey != null ? 2 : 0)) * OperationsOfTerm * a.D + OperationsOfScoreGradient) * Pairs(a) + 2 * PreparationOperations(a),
        precision.Size() * ((2 + (a.dQuery != null ? 1 + a.AddQuery : 0)) * QueryElements(a) + (2 + (a.dKey != null ? 2 * (1 + a.AddKeyValue) : 0)) * KeyElements(a))
            + TableBytes(a) + 4.0 * a.B * a.Heads * a.D * ((a.dQueryBias != null ? 1 : 0) + (a.dKeyBias != null ? 2 : 0)));

    internal static int Items(in AttentionArgs a) => a.B * a.Heads;

    // A panel of queries, a panel of keys, and matrices of a strip and all keys. At most 69 KiB, for 256 keys
    // in backward.
    private static int SharedBytes(in AttentionArgs a, int matrices)
    {
        int keys = (a.S + 3) / 4 * 4;
        return sizeof(float) * (StripQueries * QueryPitch + keys * (KeyPitch + matrices * StripQueries));
    }

    private static bool HasBiasGradient(in AttentionArgs a) => a.dQueryBias != null || a.dKeyBias != null;

    private static double Pairs(in AttentionArgs a) => (double)a.B * a.Heads * a.Queries * a.S;

    // Values of a [B, Queries, C] tensor and of a [B, S, C] tensor.
    private static double QueryElements(in AttentionArgs a) => (double)a.B * a.Queries * a.Heads * a.D;

    private static double KeyElements(in AttentionArgs a) => (double)a.B * a.S * a.Heads * a.D;

    // Queries and keys are turned. A bias is added to queries, keys and values.
    private static double PreparationOperations(in AttentionArgs a) => (a.Rotary == null ? 0 : OperationsOfTurn * (QueryElements(a) + KeyElements(a)))
        + (a.QueryBias == null ? 0 : QueryElements(a)) + (a.KeyBias == null ? 0 : 2 * KeyElements(a));

    // Bytes of the tables that all heads read: mask, angles, biases.
    private static double TableBytes(in AttentionArgs a) => 4.0 * a.B * a.S + (a.Rotary == null ? 0 : 4.0 * a.S * a.D)
        + 4.0 * a.Heads * a.D * ((a.QueryBias == null ? 0 : 1) + (a.KeyBias == null ? 0 : 2));
}
