using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Models.Tests.Profiling;

/// <summary>What happens to matrix products.</summary>
internal enum Products
{
    Run,
    Omit,
    Refuse,
}

/// <summary>A stream with faults: a kernel or the matrix products fail, or a kernel starts an action.</summary>
internal sealed unsafe class FaultyStream(ComputeStream inner) : ComputeStream
{
    public const string Refusal = "not on this device";

    /// <summary>Entry of the kernel that <see cref="Refuse"/> is called for.</summary>
    public string? Refused { get; init; }

    public Action Refuse { get; init; } = static () => throw new NotSupportedException(Refusal);

    public Products Products { get; init; }

    /// <summary>Lets every wait fail from now on, as on a GPU after a fault of a kernel.</summary>
    public bool IsLost { get; set; }

    public override void Synchronize()
    {
        if (IsLost)
            throw new CudaException("cuStreamSynchronize", 719, "lost", null, null);
        inner.Synchronize();
    }

    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        if (kernel.Entry == Refused)
            Refuse();
        bool isProduct = kernel == MatMulKernels.Multiply;
        if (isProduct && Products == Products.Refuse)
            throw new DataException(Refusal);
        if (!isProduct || Products == Products.Run)
            inner.Launch(kernel, args, bytes);
    }
}
