using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Devices;

/// <summary>Executes nothing and adds up what would have been executed.</summary>
public sealed unsafe class CountingStream : ComputeStream
{
    /// <summary>Work of everything given to the stream.</summary>
    public KernelCost Total { get; private set; }

    /// <summary>Share of <see cref="Total"/> in matrix products.</summary>
    public KernelCost MatMuls { get; private set; }

    /// <summary>Kernels and matrix products given to the stream.</summary>
    public int Launches { get; private set; }

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        Total += kernel.Cost(args);
        Launches++;
    }

    /// <inheritdoc/>
    public override void MatMul(in MatMulArgs args)
    {
        var cost = Kernels.MatMul.MatMul.Cost(args);
        Total += cost;
        MatMuls += cost;
        Launches++;
    }
}
