using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>Arguments of <see cref="ConsistencyLoss.Forward"/>.</summary>
public unsafe struct ConsistencyLossArgs
{
    /// <summary>[Rows, C]</summary>
    public float* MixtureLogits;

    /// <summary>[Experts, Rows, C]</summary>
    public float* ExpertLogits;

    /// <summary>
    /// [Rows, 1 + Experts, 3], the mixture first: largest scaled logit, 1 / sum of powers, and what the softmax's gradient
    /// subtracts (the mean of the slopes under its own distribution).
    /// </summary>
    public float* Statistics;

    /// <summary>[Rows]</summary>
    public float* Loss;

    /// <summary>Sizes.</summary>
    public int Experts, Rows, C;

    /// <summary>1 / temperature.</summary>
    public float Sharpness;

    /// <summary>Added to probabilities inside logarithms.</summary>
    public float Epsilon;
}

/// <summary>Arguments of <see cref="ConsistencyLoss.Backward"/>; either gradient may be null.</summary>
public unsafe struct ConsistencyLossGradArgs
{
    /// <summary>[Rows, C]</summary>
    public float* MixtureLogits;

    /// <summary>[Experts, Rows, C]</summary>
    public float* ExpertLogits;

    /// <summary>[Rows, 1 + Experts, 3], from forward.</summary>
    public float* Statistics;

    /// <summary>[Rows, C]</summary>
    public float* dMixtureLogits;

    /// <summary>[Experts, Rows, C]</summary>
    public float* dExpertLogits;

    /// <summary>Sizes.</summary>
    public int Experts, Rows, C;

    /// <summary>1 / temperature.</summary>
    public float Sharpness;

    /// <summary>Added to probabilities inside logarithms.</summary>
    public float Epsilon;

    /// <summary>Gradient of the objective by the loss of each row.</summary>
    public float Scale;

    /// <summary>1 to add to the gradient.</summary>
    public int AddMixture, AddExperts;
}

/// <summary>
/// How far the experts' softened distributions are from the mixture's: the sum over k and c of
/// P[c] (log(P[c] + epsilon) - log(Q_k[c] + epsilon)) with P = softmax(z / T), Q_k = softmax(z_k / T).
/// </summary>
/// <remarks>
/// With slopes g[c] = sum over k of (log(P + epsilon) + P / (P + epsilon) - log(Q_k + epsilon)) by P[c], and
/// -P / (Q_k + epsilon) by Q_k[c], each softmax passes on probability * (slope - mean slope) / T.
/// </remarks>
public static unsafe partial class ConsistencyLoss
{
    /// <summary>Values kept of each softmax.</summary>
    public const int StatisticsOfRow = 3;

    private const string File = "ConsistencyLoss.cu";
    private const int Warps = 16, Threads = 32 * Warps; // of a CUDA block

    private static readonly string[] Macros = [$"WARPS={Warps}", $"STATISTICS={StatisticsOfRow}"];

    /// <summary>Loss of each row. Items: rows.</summary>
    public static readonly Kernel<ConsistencyLossArgs> Forward = new("consistency_loss_forward_f32")
    {
        Family = "consistency-loss",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in ConsistencyLossArgs a, in DeviceLimits _) => new(a.Rows, Threads),
        CountItems = static (in ConsistencyLossArgs a) => a.Rows,
        Twin = SumRows,
        CountCost = static (in ConsistencyLossArgs a) =>
            new(14.0 * (1 + a.Experts) * a.Rows * a.C, 4.0 * (1 + a.Experts) * a.Rows * (a.C + StatisticsOfRow)),
    };

    /// <summary>Gradients by the logits. Items: rows.</summary>
    public static readonly Kernel<ConsistencyLossGradArgs> Backward = new("consistency_loss_backward_f32")
    {
        Family = "consistency-loss",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in ConsistencyLossGradArgs a, in DeviceLimits _) => new(a.Rows, Threads),
        CountItems = static (in ConsistencyLossGradArgs a) => a.Rows,
        Twin = DifferentiateRows,
        CountCost = static (in ConsistencyLossGradArgs a) => new(14.0 * (1 + a.Experts) * a.Rows * a.C,
            4.0 * a.Rows * ((1 + a.Experts) * (a.C + StatisticsOfRow) + (1.0 + a.AddMixture + a.Experts * (1 + a.AddExperts)) * a.C)),
    };
}
