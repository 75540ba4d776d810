using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Benchmarks;

/// <summary>
/// Times one launch among those given to it: what comes before runs once, so that the launch finds what it finds in a step; what comes
/// after is dropped.
/// </summary>
/// <param name="inner">Where launches run.</param>
/// <param name="wanted">The kernel that is looked for.</param>
/// <param name="wantedBytes">What its launch moves: the first of at least as many is taken.</param>
/// <param name="sample">Times a call.</param>
/// <param name="runsProducts">Whether matrix products run; without them the launch works on what the memory holds.</param>
public sealed unsafe class OneLaunch(ComputeStream inner, Kernel wanted, double wantedBytes, Func<Action, SampledTime> sample, bool runsProducts = true) : ComputeStream
{
    /// <summary>The launch's time; null until it came.</summary>
    public SampledTime? Time { get; private set; }

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        if (Time is not null)
            return;
        if (kernel == wanted && kernel.Cost(args).MovedBytes >= wantedBytes)
            Time = sample(() => inner.Launch(kernel, args, bytes));
        else if (runsProducts || kernel != MatMulKernels.Multiply)
            inner.Launch(kernel, args, bytes);
    }
}
