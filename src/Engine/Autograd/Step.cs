using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Autograd;

/// <summary>How a step is built.</summary>
/// <param name="Training">Whether the step has a backward pass, dropout and batch statistics.</param>
/// <param name="Seed">Key of its random numbers.</param>
/// <param name="Eager">
/// Rebuild the step every time instead of replaying a plan: for debugging, with the same bits.
/// </param>
/// <param name="Precision">How activations are stored.</param>
/// <param name="Parts">Micro-batches of a batch. The step processes one of them.</param>
/// <param name="Sides">
/// Equal groups of samples in a micro-batch. The whole batch is all samples of the first group, part by part, then
/// those of the second. Pairs have 2: all left sides come before all right sides.
/// </param>
public readonly record struct StepMode(bool Training, ulong Seed = 0, bool Eager = false, ElementType Precision = ElementType.Float32, int Parts = 1, int Sides = 1)
{
    /// <summary>Throws if activations or copies of weights cannot have a type.</summary>
    internal static void RequirePrecision(ElementType precision)
    {
        if (!ElementTypes.Precisions.Contains(precision))
            throw new ArgumentException($"{precision} is no precision: it must be {string.Join(" or ", ElementTypes.Precisions)}");
    }
}

/// <summary>
/// A step is a list of launches. Building it runs the model's code twice: once on the counting device, to find the
/// size of the arena and the places in it, and once on a plan, to record the launches. <see cref="Run"/> replays the
/// plan: it runs no model code and allocates nothing.
/// </summary>
/// <typeparam name="TResult">The result of the model's code: tensors that each run writes.</typeparam>
public sealed unsafe class Step<TResult> : IDisposable
{
    private const long Unlimited = 1L << 60;
    private const string Purpose = "the values of a step";

    private readonly Device _device;
    private readonly Func<Tape, TResult> _build;
    private readonly Arena _arena;
    private readonly Arena? _workspace;
    private readonly Tape _tape;
    private readonly PlanStream? _plan;
    private readonly List<(Tensor Tensor, string Owner)> _roots = [];
    private TResult _result = default!;
    private bool _hasResult, _disposed;

    /// <summary>Builds a step.</summary>
    /// <param name="device">Device that runs the step.</param>
    /// <param name="mode">Training or not, seed, precision.</param>
    /// <param name="inputs">The step's inputs on that device; null for a step without random numbers.</param>
    /// <param name="build">The model's code. It must not read the values of tensors.</param>
    /// <param name="read">
    /// Returns the tensors of the result that are read after a run. Memory of all other tensors is used again after
    /// their last reader. Null: all tensors keep their values until the next run.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The inputs or a parameter are on another device, or the device does not support the precision.
    /// </exception>
    public Step(Device device, StepMode mode, StepInputs? inputs, Func<Tape, TResult> build, Func<TResult, IEnumerable<Tensor>>? read = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(build);
        ObjectDisposedException.ThrowIf(device.IsDisposed, device);
        StepMode.RequirePrecision(mode.Precision);
        if (mode.Precision == ElementType.BFloat16 && !device.HasBFloat16)
            throw new ArgumentException($"{device.Name} does not support bf16 steps");
        if (inputs is not null && inputs.Device != device)
            throw new ArgumentException($"the inputs are on {inputs.Device.Name}, not on the given device {device.Name}");
        if (inputs is not null)
            _roots.Add((inputs.ScalarTensor, "block of inputs"));
        (_device, _build) = (device, build);
        ArenaLayout? layout = null;
        using (var counting = CountingDevice.WithOwnAddresses(device))
        using (var arena = new Arena(counting, Unlimited))
        using (var workspace = device.PacksProducts ? new Arena(counting, Unlimited) : null)
        using (var tape = NewTape(counting.Stream, arena, workspace, mode, inputs))
        {
            var result = Build(tape);
            var counted = (CountingStream)counting.Stream;
            if (read is not null)
                layout = new ArenaLayout(Lifetime.Of(arena, counted.InOrder, read(result).Concat(tape.Notes?.Select(static note => note.Value) ?? [])));
            (ArenaBytes, ArenaFloor, WorkspaceBytes) = (layout?.Bytes ?? arena.Peak, layout?.Floor ?? arena.Peak, workspace?.Peak ?? 0);
            (Cost, MatMulCost, Launches, Functions) = (counted.Total, counted.MatMuls, counted.Launches, counted.Functions);
        }
        try
        {
            _arena = layout is null ? new Arena(device, ArenaBytes, Purpose) : new Arena(device, layout, Purpose);
            _workspace = WorkspaceBytes > 0 ? new Arena(device, WorkspaceBytes, "the packed matrices of a step") : null;
            _plan = mode.Eager ? null : new PlanStream();
            _tape = NewTape(_plan is null ? device.Stream : _plan, _arena, _workspace, mode, inputs);
            if (_plan is not null)
                Result = Build(_tape);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The tensors of the last run.</summary>
    /// <exception cref="InvalidOperationException">The step is eager and has not run.</exception>
    public TResult Result
    {
        get => _hasResult ? _result : throw new InvalidOperationException("an eager step has no result before its first run");
        private set => (_result, _hasResult) = (value, true);
    }

    /// <summary>FLOPs and bytes of one run, by the costs of its kernels.</summary>
    public KernelCost Cost { get; }

    /// <summary>The part of <see cref="Cost"/> that is in matrix products.</summary>
    public KernelCost MatMulCost { get; }

    /// <summary>Number of launches in one run.</summary>
    public int Launches { get; }

    /// <summary>The functions that one run computes, each with the bytes that it must read and write.</summary>
    public IReadOnlyList<CountedFunction> Functions { get; }

    /// <summary>Memory of activations and intermediate gradients, bytes.</summary>
    public long ArenaBytes { get; }

    /// <summary>
    /// The part of <see cref="ArenaBytes"/> that is needed at the same time. The rest is lost in gaps.
    /// </summary>
    public long ArenaFloor { get; }

    /// <summary>
    /// Memory for packed operands of matrix products. All products share it; the largest product decides its size.
    /// </summary>
    public long WorkspaceBytes { get; }

    /// <summary>Launches one run on the device's stream.</summary>
    /// <exception cref="ObjectDisposedException">
    /// The step, or a device, store, optimizer or block of inputs that it uses, was disposed of.
    /// </exception>
    public void Run()
    {
        ThrowIfDisposed();
        if (_plan is not null)
        {
            _plan.Replay(_device.Stream);
            return;
        }
        _tape.Clear();
        Result = Build(_tape);
    }

    /// <summary>Launches one run of a planned step, kernel by kernel, on another stream of its device.</summary>
    /// <exception cref="InvalidOperationException">The step is eager.</exception>
    /// <exception cref="ObjectDisposedException">As for <see cref="Run"/>.</exception>
    public void Replay(ComputeStream stream)
    {
        ThrowIfDisposed();
        (_plan ?? throw new InvalidOperationException("an eager step has no plan")).Replay(stream);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _device.Stream.Drain();
        // A constructor that failed calls this too: not all of them exist then.
        _tape?.Dispose();
        _plan?.Dispose();
        _arena?.Dispose();
        _workspace?.Dispose();
    }

    /// <summary>Throws if the step, or something that its launches use, was disposed of.</summary>
    internal void ThrowIfDisposed()
    {
        string? disposed = _disposed ? "it" : _device.IsDisposed ? "its device" : null;
        foreach (ref readonly var root in CollectionsMarshal.AsSpan(_roots))
        {
            if (root.Tensor.IsStale)
                disposed ??= $"its {root.Owner}";
        }
        if (disposed is not null)
            throw new ObjectDisposedException(null, $"the step cannot run: {disposed} was disposed of");
    }

    // What reads the results need not know of branches.
    private TResult Build(Tape tape)
    {
        var result = _build(tape);
        tape.Stream.Join();
        return result;
    }

    private Tape NewTape(ComputeStream stream, Arena arena, Arena? workspace, StepMode mode, StepInputs? inputs) =>
        new(stream, arena) { Workspace = workspace, Mode = mode, Scalars = inputs is null ? null : inputs.Scalars, Device = _device, Roots = _roots };
}
