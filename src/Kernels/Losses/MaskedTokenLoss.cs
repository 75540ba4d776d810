using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>Arguments of <see cref="MaskedTokenLoss.ForwardBackward"/>.</summary>
public unsafe struct MaskedTokenLossArgs
{
    /// <summary>[Rows, V]: logits before, their gradient after, where <see cref="Differentiate"/> is 1.</summary>
    public float* Logits;

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
public static unsafe partial class MaskedTokenLoss
{
    private const string File = "MaskedTokenLoss.cu";
    private const int Warps = 16, Threads = 32 * Warps; // of a CUDA block

    private static readonly string[] Macros = [$"WARPS={Warps}"];

    /// <summary>dz = scale * weight * (softmax(z) - [target]). Items: rows.</summary>
    public static readonly Kernel<MaskedTokenLossArgs> ForwardBackward = new("masked_token_loss_f32")
    {
        Family = "crossentropy",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in MaskedTokenLossArgs a, in DeviceLimits _) => new(a.Rows, Threads),
        CountItems = static (in MaskedTokenLossArgs a) => a.Rows,
        Twin = LossRows,
        CountCost = static (in MaskedTokenLossArgs a) =>
            new((3.0 + a.Differentiate) * a.Rows * a.V, 4.0 * a.Rows * ((1.0 + a.Differentiate) * a.V + 3)),
    };
}
