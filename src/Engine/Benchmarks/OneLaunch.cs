using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Benchmarks;

/// <summary>
/// Measures one launch of a sequence. The launches before it run once, so its inputs are those of a real step. The
/// launches after it are dropped.
/// </summary>
/// <param name="inner">Stream that runs the launches.</param>
/// <param name="wanted">The kernel to measure.</param>
/// <param name="wantedBytes">Bytes of its launch. The first launch that moves at least as many is measured.</param>
/// <param name="sample">Measures a call.</param>
/// <param name="runsProducts">
/// Whether matrix products run. Without them the launch reads whatever is in memory.
/// </param>
public sealed unsafe class OneLaunch(ComputeStream inner, Kernel wanted, double wantedBytes, Func<Action, SampledTime> sample, bool runsProducts = true) : ComputeStream
{
    /// <summary>The launch's time; null before the launch.</summary>
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
