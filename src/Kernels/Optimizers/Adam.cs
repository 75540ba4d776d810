using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Optimizers;

/// <summary>One update of parameters by Adam.</summary>
public unsafe struct AdamArgs
{
    /// <summary>In the order of the weights, changed in place.</summary>
    public float* FirstMoment, SecondMoment;

    /// <summary>The parameters.</summary>
    public ParameterBlock Parameters;

    /// <summary>1 - beta1 and 1 - beta2: the share of a new gradient in each moment.</summary>
    public float FirstShare, SecondShare;

    /// <summary>
    /// Added to the square root of the second moment. The moment has no bias correction, as in Keras.
    /// </summary>
    public float Epsilon;
}

/// <summary>
/// Adam (Kingma and Ba 2015, in Keras's form) with decoupled weight decay (Loshchilov and Hutter 2019), over some or
/// all parameters in one launch: m += (1 - beta1)(g - m); v += (1 - beta2)(g^2 - v); w -= decay * w; w -= rate * m /
/// (sqrt(v) + epsilon). Weights that decay do so by the <see cref="StepScalars.Decays"/> of their group. The group's
/// rate includes the bias correction. A gradient that is NaN or infinite is recorded, not skipped.
/// </summary>
public static unsafe partial class AdamKernels
{
    /// <summary>Share of the old first moment that is kept.</summary>
    public const double Beta1 = 0.9;

    /// <summary>Share of the old second moment that is kept.</summary>
    public const double Beta2 = 0.999;

    // First moment 3, second moment 4; times the rate, root, plus epsilon, quotient, subtracted from the weight 5; the
    // test for NaN and infinity 1. Decay would be 2 more.
    private const double OperationsOfUpdate = 13;

    /// <summary>Updates weights and moments. Items: chunks of elements.</summary>
    public static readonly Kernel<AdamArgs> Update = new("adam_f32")
    {
        From = ParameterBlock.FileOf("adam", "Adam.cu"),
        LaunchShape = static (in AdamArgs a, in DeviceLimits _) => a.Parameters.Shape,
        CountItems = static (in AdamArgs a) => a.Parameters.Items,
        Twin = UpdateChunks,
        CountCost = static (in AdamArgs a) => a.Parameters.Cost(OperationsOfUpdate, moments: 2),
    };
}
