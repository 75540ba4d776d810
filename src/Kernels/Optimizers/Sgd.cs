using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Optimizers;

/// <summary>One update of parameters by stochastic gradient descent.</summary>
public unsafe struct SgdArgs
{
    /// <summary>In the order of the weights, changed in place.</summary>
    public float* Velocity;

    /// <summary>The parameters.</summary>
    public ParameterBlock Parameters;

    /// <summary>Share of the old velocity that is kept; 0 for no momentum.</summary>
    public float Momentum;
}

/// <summary>
/// Stochastic gradient descent with momentum (Sutskever et al. 2013, in PyTorch's form), over some or all parameters
/// in one launch: v = momentum * v + g; w -= rate * v. A gradient that is NaN or infinite is recorded, not skipped.
/// </summary>
public static unsafe partial class SgdKernels
{
    private const double OperationsOfUpdate = 5; // two products, each with a sum; the test for NaN and infinity

    /// <summary>Updates weights and velocity. Items: chunks of elements.</summary>
    public static readonly Kernel<SgdArgs> Update = new("sgd_f32")
    {
        From = ParameterBlock.FileOf("sgd", "Sgd.cu"),
        LaunchShape = static (in SgdArgs a, in DeviceLimits _) => a.Parameters.Shape,
        CountItems = static (in SgdArgs a) => a.Parameters.Items,
        Twin = UpdateChunks,
        CountCost = static (in SgdArgs a) => a.Parameters.Cost(OperationsOfUpdate, moments: 1),
    };
}
