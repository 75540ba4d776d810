using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>Arguments of <see cref="CrossEntropyKernels.ForwardBackward"/>.</summary>
public unsafe struct CrossEntropyArgs
{
    /// <summary>[Rows, Classes]</summary>
    public void* Logits;

    /// <summary>[Rows, Classes]: their gradient; may be <see cref="Logits"/> itself, or null for losses alone.</summary>
    public void* dLogits;

    /// <summary>[Rows]: the class that is right. One that does not exist makes the loss of its row NaN.</summary>
    public int* Targets;

    /// <summary>[Rows]: the weight of each row; 0 where it is not in use. Null for 1 each.</summary>
    public float* Weights;

    /// <summary>[Rows]: weight * -log softmax(logits)[target].</summary>
    public float* Loss;

    /// <summary>Sizes.</summary>
    public int Rows, Classes;

    /// <summary>Gradient of the objective by the weighted loss of each row.</summary>
    public float Scale;

    /// <summary>1 to add to <see cref="dLogits"/>, which are then not the logits.</summary>
    public int Add;
}

/// <summary>
/// Cross-entropy of rows over classes: loss and gradient in one launch. The gradient can take the logits' place, which for the classes of a
/// vocabulary would otherwise be the largest tensor of a step a second time.
/// </summary>
public static unsafe partial class CrossEntropyKernels
{
    // Of a CUDA block: no more than two fit on a multiprocessor, so that the rows under way find room in the second cache.
    private const int Warps = 24, Threads = 32 * Warps;

    private const double OperationsOfLoss = 4; // largest; less the largest, exp, sum
    private const double OperationsOfGradient = 4; // less the largest, exp, divided by the sum, times the weight

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
