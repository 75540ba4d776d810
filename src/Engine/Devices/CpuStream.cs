using System.Runtime.InteropServices;
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

    // Bytes for the arguments of a group. CUDA's limit for one launch is as large, so one always fits.
    private const int ArgumentBytes = 4096, Alignment = 16;

    private readonly WorkerPool _pool = new(threads);
    private byte* _arguments = (byte*)NativeMemory.AlignedAlloc(ArgumentBytes, Alignment);
    private KernelCost _cost; // of the launches that the pool was given
    private bool _grouped;
    private int _argumentsEnd;

    /// <summary>Threads that share the work, the caller's included.</summary>
    public int Threads => _pool.Threads;

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        int items = kernel.Items(args);
        if (items == 0)
            return;
        if (_grouped)
            args = Keep(args, bytes);
        _cost += kernel.Cost(args);
        _pool.Add(kernel, args, items);
        if (!_grouped)
            RunAdded();
    }

    internal override void BeginGroup() => _grouped = true;

    internal override void EndGroup()
    {
        _grouped = false;
        RunAdded();
    }

    // Copies arguments that have to last until the end of the group. If they have no room, the group so far runs now.
    private void* Keep(void* args, int bytes)
    {
        if (_pool.IsFull || _argumentsEnd + bytes > ArgumentBytes)
            RunAdded();
        byte* kept = _arguments + _argumentsEnd;
        NativeMemory.Copy(args, kept, (nuint)bytes);
        _argumentsEnd = (_argumentsEnd + bytes + Alignment - 1) / Alignment * Alignment;
        return kept;
    }

    private void RunAdded()
    {
        bool shared = _cost.MovedBytes >= MinSharedBytes || _cost.Flops >= MinSharedFlops;
        (_cost, _argumentsEnd) = (default, 0);
        _pool.Run(shared);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _pool.Dispose();
        NativeMemory.AlignedFree(_arguments);
        _arguments = null;
        base.Dispose(disposing);
    }
}
