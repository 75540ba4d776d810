using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Devices;

/// <summary>One launch that a stream counted.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Cost">Its work.</param>
/// <param name="Shape">Its grid and block on an H100; null for a kernel without a CUDA source.</param>
public sealed record CountedLaunch(Kernel Kernel, KernelCost Cost, LaunchShape? Shape)
{
    /// <summary>The addresses in its arguments.</summary>
    internal IReadOnlyList<nint> Addresses { get; init; } = [];

    /// <summary>Its number in the order of the step. Launches of a group have the same one.</summary>
    internal int Tick { get; init; }

    /// <summary>
    /// The last launch beside which it may run: itself, or for a launch of a branch the last one before the join.
    /// </summary>
    internal int LastTick { get; set; }

    /// <summary>Whether it is a matrix product.</summary>
    public bool IsProduct => Kernel == MatMulKernels.Multiply;
}

/// <summary>Runs nothing, and adds up the costs of its launches.</summary>
/// <param name="hasBranches">Whether the device that it represents runs branches beside later launches.</param>
public sealed unsafe class CountingStream(bool hasBranches = false) : ComputeStream
{
    /// <summary>Those of an H100, the device that performance figures are for.</summary>
    public static DeviceLimits Limits { get; } = new(Multiprocessors: 132, SharedBytesPerBlock: 227 << 10);

    private readonly List<CountedLaunch> _inOrder = [];
    private readonly List<CountedFunction> _functions = [];
    private CountedFunction? _function; // that the next launches belong to
    private int _tick; // of the next launch
    private bool _isGrouped, _isBranch;
    private List<CountedLaunch> _earlier = [], _later = []; // of branches, before and after the last JoinEarlier

    /// <summary>Work of all launches.</summary>
    public KernelCost Total { get; private set; }

    /// <summary>The part of <see cref="Total"/> that is in matrix products.</summary>
    public KernelCost MatMuls { get; private set; }

    /// <summary>Number of launches.</summary>
    public int Launches => _inOrder.Count;

    /// <summary>All launches, in order.</summary>
    public IReadOnlyList<CountedLaunch> InOrder => _inOrder;

    /// <summary>The functions that they compute, in the order in which the functions began.</summary>
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

    internal override void BeginGroup() => _isGrouped = true;

    internal override void EndGroup()
    {
        if (_isGrouped)
            _tick++;
        _isGrouped = false;
    }

    /// <inheritdoc/>
    public override bool HasBranches => hasBranches;

    internal override void BeginBranch() => _isBranch = hasBranches;

    internal override void EndBranch() => _isBranch = false;

    internal override void Join()
    {
        JoinEarlier();
        JoinEarlier();
    }

    internal override void JoinEarlier()
    {
        foreach (var launch in _earlier)
            launch.LastTick = _tick - 1;
        _earlier.Clear();
        (_earlier, _later) = (_later, _earlier);
    }

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        var launch = new CountedLaunch(kernel, kernel.Cost(args), kernel.Source is not null && kernel.Items(args) > 0 ? kernel.Shape(args, Limits, Variant.Default) : null)
        {
            Addresses = [.. kernel.Layout.Pointers.Select(offset => *(nint*)((byte*)args + offset))],
            Tick = _tick,
            LastTick = _isBranch ? int.MaxValue : _tick,
        };
        if (_isBranch)
            _later.Add(launch);
        if (!_isGrouped)
            _tick++;
        _inOrder.Add(launch);
        Total += launch.Cost;
        if (launch.IsProduct)
            MatMuls += launch.Cost;
        if (_function is null)
            Touches("");
        _function!.Add(launch);
    }
}
