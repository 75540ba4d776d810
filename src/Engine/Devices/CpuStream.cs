using System.Runtime.InteropServices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Runs twins on a pool of threads. Items are independent and their number depends on shapes only, so any number of
/// threads gives the same bits.
/// </summary>
public sealed unsafe class CpuStream(int threads) : ComputeStream
{
    // Below this much work, waking the other threads costs more than they save (a few microseconds).
    private const double MinSharedBytes = 64 << 10, MinSharedFlops = 200_000;

    private readonly WorkerPool _pool = new(threads);
    private float* _packed;
    private long _packedCapacity;

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
    public override void MatMul(in MatMulArgs args)
    {
        if (args.Operands != Precision.Float32 || args.Result != Precision.Float32)
            throw new NotSupportedException("products of bf16 matrices run on CUDA devices only");
        long elements = MatMulKernels.PackedElements(args);
        if (elements > _packedCapacity)
        {
            NativeMemory.AlignedFree(_packed);
            _packed = (float*)NativeMemory.AlignedAlloc((nuint)elements * sizeof(float), Device.Alignment);
            _packedCapacity = elements;
        }
        var packed = new PackedMatMulArgs { Product = args, Packed = _packed };
        for (; packed.Part < MatMulKernels.Parts(args); packed.Part++)
        {
            Run(MatMulKernels.Pack, packed);
            Run(MatMulKernels.Multiply, packed);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _pool.Dispose();
        NativeMemory.AlignedFree(_packed);
        _packed = null;
        _packedCapacity = 0;
        base.Dispose(disposing);
    }
}
