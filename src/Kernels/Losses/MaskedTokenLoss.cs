using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>Arguments of <see cref="MaskedTokenLossKernels.ForwardBackward"/>.</summary>
public unsafe struct MaskedTokenLossArgs
{
    /// <summary>[Rows, V]: logits before, their gradient after, where <see cref="Differentiate"/> is 1.</summary>
    public void* Logits;

    /// <summary>[Rows]: the token that is right, below V.</summary>
    public int* Targets;

    /// <summary>[Rows]: the weight of each row; 0 where it is not in use.</summary>
    public float* Weights;

    /// <summary>[Rows]: weight * -log softmax(logits)[target].</summary>
    public float* Loss;

    /// <summary>Sizes.</summary>
    public int Rows, V;

    /// <summary>Gradient of the objective by the weighted loss of each row.</summary>
    public float Scale;

    /// <summary>1 to overwrite the logits by their gradient.</summary>
    public int Differentiate;
}

/// <summary>
/// Cross-entropy of masked tokens over the vocabulary (specification 4.5). Loss and gradient in one pass: the gradient
/// takes the logits' place, which would otherwise be the largest tensor of a step a second time.
/// </summary>
public static unsafe partial class MaskedTokenLossKernels
{
    // Of a CUDA block: no more than two fit on a multiprocessor, so that the rows under way find room in the second cache.
    private const int Warps = 24, Threads = 32 * Warps;

    private const double OperationsOfLoss = 4; // largest; less the largest, exp, sum
    private const double OperationsOfGradient = 4; // less the largest, exp, divided by the sum, times the weight

    private static readonly KernelFile File = new("crossentropy", "MaskedTokenLoss.cu", $"WARPS={Warps}");

    /// <summary>dz = scale * weight * (softmax(z) - [target]). Items: rows.</summary>
    public static readonly KernelPair<MaskedTokenLossArgs> ForwardBackward = new("masked_token_loss", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in MaskedTokenLossArgs a, in DeviceLimits _) => new(a.Rows, Threads),
        CountItems = static (in MaskedTokenLossArgs a) => a.Rows,
        Twin = precision == Precision.Float32 ? LossRows : null,
        CountCost = (in MaskedTokenLossArgs a) =>
            new((OperationsOfLoss + OperationsOfGradient * a.Differentiate) * a.Rows * a.V, a.Rows * (precision.Bytes() * (1.0 + a.Differentiate) * a.V + 12)),
    });
}
