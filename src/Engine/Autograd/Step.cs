using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Autograd;

/// <summary>What a step is built for.</summary>
/// <param name="Training">Whether a backward pass, dropout and batch statistics belong to it.</param>
/// <param name="Seed">Key of its random numbers.</param>
/// <param name="Eager">Rebuild the step every time instead of replaying a plan: for debugging, with the same bits.</param>
/// <param name="Precision">How activations are stored.</param>
public readonly record struct StepMode(bool Training, ulong Seed = 0, bool Eager = false, ElementType Precision = ElementType.Float32);

/// <summary>
/// A step is a list of launches. Building it runs the model's code twice: on the counting device, which sizes the arena,
/// and on a plan, which records. <see cref="Run"/> replays the plan: no model code, no allocation.
/// </summary>
/// <typeparam name="TResult">What the model's code returns: tensors that a run fills.</typeparam>
public sealed unsafe class Step<TResult> : IDisposable
{
    private const long Unlimited = long.MaxValue / 4;

    private readonly Device _device;
    private readonly Func<Tape, TResult> _build;
    private readonly Arena _arena;
    private readonly Arena? _workspace;
    private readonly Tape _tape;
    private readonly PlanStream? _plan;

    /// <summary>Builds a step.</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="mode">What for.</param>
    /// <param name="inputs">What the step reads from outside, on that device; null for a step without random numbers.</param>
    /// <param name="build">The model's code; it may not look at values.</param>
    public Step(Device device, StepMode mode, StepInputs? inputs, Func<Tape, TResult> build)
    {
        (_device, _build) = (device, build);
        using (var counting = new CountingDevice())
        using (var arena = new Arena(counting, Unlimited))
        using (var workspace = device.PacksProducts ? new Arena(counting, Unlimited) : null)
        using (var tape = NewTape(counting.Stream, arena, workspace, mode, inputs))
        {
            build(tape);
            (ArenaBytes, WorkspaceBytes) = (arena.Peak, workspace?.Peak ?? 0);
            var counted = (CountingStream)counting.Stream;
            (Cost, MatMulCost, Launches, Functions) = (counted.Total, counted.MatMuls, counted.Launches, counted.Functions);
        }
        _arena = new Arena(device, ArenaBytes);
        _workspace = WorkspaceBytes > 0 ? new Arena(device, WorkspaceBytes) : null;
        _plan = mode.Eager ? null : new PlanStream();
        _tape = NewTape(_plan is null ? device.Stream : _plan, _arena, _workspace, mode, inputs);
        Result = _plan is null ? default! : build(_tape); // an eager step has no result before its first run
    }

    /// <summary>The tensors of the last run.</summary>
    public TResult Result { get; private set; }

    /// <summary>FLOPs of one run, and the bytes that it moves by design.</summary>
    public KernelCost Cost { get; }

    /// <summary>The share of matrix products.</summary>
    public KernelCost MatMulCost { get; }

    /// <summary>Kernels of one run.</summary>
    public int Launches { get; }

    /// <summary>What one run computes, by operator, with the bytes that each has to touch.</summary>
    public IReadOnlyList<CountedFunction> Functions { get; }

    /// <summary>Memory of activations and intermediate gradients.</summary>
    public long ArenaBytes { get; }

    /// <summary>Memory that the matrix products pack operands into, one after the other: what the largest of them needs.</summary>
    public long WorkspaceBytes { get; }

    /// <summary>Gives one run to the device's stream.</summary>
    public void Run()
    {
        if (_plan is not null)
        {
            _plan.Replay(_device.Stream);
            return;
        }
        _tape.Clear();
        Result = _build(_tape);
    }

    /// <summary>Gives one run of a planned step, launch by launch, to another stream of its device.</summary>
    /// <exception cref="InvalidOperationException">The step is rebuilt for every run.</exception>
    public void Replay(ComputeStream stream) =>
        (_plan ?? throw new InvalidOperationException("an eager step has no plan")).Replay(stream);

    /// <inheritdoc/>
    public void Dispose()
    {
        _device.Stream.Drain();
        _tape.Dispose();
        _plan?.Dispose();
        _arena.Dispose();
        _workspace?.Dispose();
    }

    private static Tape NewTape(ComputeStream stream, Arena arena, Arena? workspace, StepMode mode, StepInputs? inputs) =>
        new(stream, arena) { Workspace = workspace, Mode = mode, Scalars = inputs is null ? null : inputs.Scalars };
}
