using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Devices;

/// <summary>What a stream was given.</summary>
/// <param name="Kernel">The kernel; null for a matrix product.</param>
/// <param name="Cost">Its work.</param>
/// <param name="Shape">Its grid and block on an H100; null for a matrix product and for a kernel without a CUDA source.</param>
public sealed record CountedLaunch(Kernel? Kernel, KernelCost Cost, LaunchShape? Shape)
{
    /// <summary>The kernel's entry, or <c>matmul</c>.</summary>
    public string Name => Kernel?.Entry ?? "matmul";
}

/// <summary>Executes nothing and adds up what would have been executed.</summary>
public sealed unsafe class CountingStream : ComputeStream
{
    // An H100's, as the device of performance figures.
    private static readonly DeviceLimits Limits = new(Multiprocessors: 132, SharedBytesPerBlock: 227 << 10);

    private readonly List<CountedLaunch> _inOrder = [];
    private readonly List<CountedFunction> _functions = [];
    private CountedFunction? _function; // of the launches that come next

    /// <summary>Work of everything given to the stream.</summary>
    public KernelCost Total { get; private set; }

    /// <summary>Share of <see cref="Total"/> in matrix products.</summary>
    public KernelCost MatMuls { get; private set; }

    /// <summary>Kernels and matrix products given to the stream.</summary>
    public int Launches => _inOrder.Count;

    /// <summary>All of them, in order.</summary>
    public IReadOnlyList<CountedLaunch> InOrder => _inOrder;

    /// <summary>What they compute, in the order in which operators began.</summary>
    public IReadOnlyList<CountedFunction> Functions => _functions;

    /// <inheritdoc/>
    public override void Touches(string function, params ReadOnlySpan<Touch> touches)
    {
        _functions.Add(_function = new CountedFunction(function));
        _function.NecessaryBytes = Touch.NecessaryBytes(touches);
    }

    /// <inheritdoc/>
    public override void TouchesMore(string function, params ReadOnlySpan<Touch> touches)
    {
        _function = _functions.FindLast(begun => begun.Text == function) ?? throw new InvalidOperationException($"no function '{function}' was begun");
        _function.NecessaryBytes += Touch.NecessaryBytes(touches);
    }

    internal override void EndFunction() => _function = null;

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        Add(new(kernel, kernel.Cost(args), kernel.Source is not null && kernel.Items(args) > 0 ? kernel.Shape(args, Limits) : null));
    }

    /// <inheritdoc/>
    public override void MatMul(in MatMulArgs args)
    {
        var cost = MatMulKernels.Cost(args);
        MatMuls += cost;
        Add(new(null, cost, null));
    }

    private void Add(CountedLaunch launch)
    {
        Total += launch.Cost;
        _inOrder.Add(launch);
        if (_function is null)
            Touches("");
        _function!.Add(launch);
    }
}
