using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>Arguments of <see cref="CrossEntropyKernels.ForwardBackward"/>.</summary>
public unsafe struct CrossEntropyArgs
{
    /// <summary>[Rows, Classes]</summary>
    public void* Logits;

    /// <summary>
    /// [Rows, Classes]: gradient of the logits. It may be <see cref="Logits"/> itself, or null to compute losses only.
    /// </summary>
    public void* dLogits;

    /// <summary>[Rows]: the correct class. A class that does not exist makes the loss of its row NaN.</summary>
    public int* Targets;

    /// <summary>[Rows]: the weight of each row, 0 for an unused row; null if all are 1.</summary>
    public float* Weights;

    /// <summary>[Rows]: weight * -log softmax(logits)[target].</summary>
    public float* Loss;

    /// <summary>Sizes.</summary>
    public int Rows, Classes;

    /// <summary>Gradient of the objective with respect to the weighted loss of each row.</summary>
    public float Scale;

    /// <summary>1 to add to <see cref="dLogits"/>, which must then not be the logits.</summary>
    public int Add;
}

/// <summary>
/// Cross-entropy of rows over classes: loss and gradient in one launch. The gradient may overwrite the logits. For the
/// classes of a vocabulary this avoids a second copy of the largest tensor of a step.
/// </summary>
public static unsafe partial class CrossEntropyKernels
{
    // Of a CUDA block. At most two blocks fit on a multiprocessor, so the rows of all running blocks fit into the L2
    // cache.
    private const int Warps = 24, Threads = 32 * Warps;

    private const double OperationsOfLoss = 4; // largest; minus the largest, exp, sum
    private const double OperationsOfGradient = 4; // minus the largest, exp, divided by the sum, times the weight

    private static readonly KernelFile File = new("crossentropy", "CrossEntropy.cu", $"WARPS={Warps}");

    /// <summary>dz = scale * weight * (softmax(z) - [target]). Items: rows.</summary>
    public static readonly KernelPair<CrossEntropyArgs> ForwardBackward = new("cross_entropy", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in CrossEntropyArgs a, in DeviceLimits _) => new(a.Rows, Threads),
        CountItems = static (in CrossEntropyArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? LossRows : null,
        CountCost = (in CrossEntropyArgs a) =>
        {
            int differentiate = a.dLogits == null ? 0 : 1, vectors = a.Weights == null ? 2 : 3; // targets, losses, weights
            return new((OperationsOfLoss + (OperationsOfGradient + a.Add) * differentiate) * a.Rows * a.Classes,
                a.Rows * (precision.Size() * (1.0 + (1 + a.Add) * differentiate) * a.Classes + sizeof(float) * vectors));
        },
    });
}
