using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Devices;

/// <summary>What one kernel did.</summary>
/// <param name="Launches">How often it was launched.</param>
/// <param name="Total">Work of all launches.</param>
/// <param name="Largest">Work of the launch that moves most bytes.</param>
/// <param name="Shape">Grid and block of that launch on an H100; null for a kernel without a CUDA source.</param>
public sealed record KernelUse(int Launches, KernelCost Total, KernelCost Largest, LaunchShape? Shape);

/// <summary>Executes nothing and adds up what would have been executed.</summary>
public sealed unsafe class CountingStream : ComputeStream
{
    // An H100's, as the device of performance figures.
    private static readonly DeviceLimits Limits = new(Multiprocessors: 132, SharedBytesPerBlock: 227 << 10);

    private readonly Dictionary<Kernel, KernelUse> _uses = [];

    /// <summary>Work of everything given to the stream.</summary>
    public KernelCost Total { get; private set; }

    /// <summary>Share of <see cref="Total"/> in matrix products.</summary>
    public KernelCost MatMuls { get; private set; }

    /// <summary>Kernels and matrix products given to the stream.</summary>
    public int Launches { get; private set; }

    /// <summary>What each kernel did; matrix products are not among them.</summary>
    public IReadOnlyDictionary<Kernel, KernelUse> Uses => _uses;

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        var cost = kernel.Cost(args);
        Total += cost;
        Launches++;
        var before = _uses.GetValueOrDefault(kernel) ?? new(0, default, new(0, -1), null);
        bool isLargest = cost.Bytes > before.Largest.Bytes;
        _uses[kernel] = new(before.Launches + 1, before.Total + cost, isLargest ? cost : before.Largest,
            isLargest && kernel.Source is not null && kernel.Items(args) > 0 ? kernel.Shape(args, Limits) : before.Shape);
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
