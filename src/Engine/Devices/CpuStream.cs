using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Runs twins on a pool of threads. Items are independent, and their number depends only on shapes, so the bits do not
/// depend on the number of threads.
/// </summary>
public sealed unsafe class CpuStream(int threads) : ComputeStream
{
    // Below this much work, waking the other threads costs more than they save (a few microseconds).
    private const double MinSharedBytes = 64 << 10, MinSharedFlops = 200_000;

    private readonly WorkerPool _pool = new(threads);

    /// <summary>Threads that share the work, the caller's included.</summary>
    public int Threads => _pool.Threads;

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        int items = kernel.Items(args);
        if (items == 0)
            return;
        var cost = kernel.Cost(args);
        if (items == 1 || Threads == 1 || (cost.MovedBytes < MinSharedBytes && cost.Flops < MinSharedFlops))
            kernel.Invoke(args, 0, items);
        else
            _pool.Run(kernel, args, items);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _pool.Dispose();
        base.Dispose(disposing);
    }
}
