using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Autograd;

/// <summary>What an operator does in the backward pass, from the state that its forward kept.</summary>
public delegate void Backward<TState>(Tape tape, in TState state) where TState : unmanaged;

/// <summary>A backward function without its type: what the tape stores.</summary>
public abstract unsafe class Rule
{
    internal abstract void Run(Tape tape, void* state);
}

/// <summary>A backward function over an unmanaged state: tensors and numbers, no closures.</summary>
public sealed unsafe class Rule<TState>(Backward<TState> backward) : Rule where TState : unmanaged
{
    internal override void Run(Tape tape, void* state) => backward(tape, in *(TState*)state);
}

/// <summary>
/// The operations of one step in order, and the gradients of their tensors. Operators call kernels through
/// <see cref="Stream"/>, take their results from the step's arena, and record a rule; <see cref="RunBackward"/> runs the
/// rules in reverse. The first writer of a gradient overwrites, later ones add: nothing is zeroed before a step.
/// </summary>
public sealed unsafe class Tape : IDisposable
{
    private const int Alignment = 16;

    private readonly List<(Rule Rule, int State, int Output)> _entries = [];
    private readonly List<Slot> _nodes = [];
    private readonly Dictionary<Parameter, List<(long Offset, Tensor Tensor)>> _parameters = [];
    private byte* _states;
    private int _used, _capacity;

    /// <summary>A tape over a stream and the arena of one step.</summary>
    public Tape(ComputeStream stream, Arena step) => (Stream, Step) = (stream, step);

    private struct Slot
    {
        public Shape Shape;
        public ElementType Type; // of the gradient
        public Tensor Gradient;
        public bool Written;
        public bool IsTerm;
        public float Weight; // of a term
    }

    /// <summary>Where kernels go.</summary>
    public ComputeStream Stream { get; }

    /// <summary>Where results, kept values and gradients of intermediate tensors live.</summary>
    public Arena Step { get; }

    /// <summary>
    /// Memory that each matrix product packs an operand into, and the next one again; null where products run without. As launches run
    /// one after the other, one block serves all of a step.
    /// </summary>
    public Arena? Workspace { get; init; }

    /// <summary>What the step is built for.</summary>
    public StepMode Mode { get; init; }

    /// <summary>Whether a backward pass will follow: rules are recorded, dropout is active, batch statistics are used.</summary>
    public bool Training => Mode.Training;

    /// <summary>The step's scalars on the device.</summary>
    public StepScalars* Scalars { get; init; }

    /// <summary>
    /// How activations are stored, and which copy of the weights multiplies them. Operators whose inputs are data or tables make
    /// tensors of this type, all others follow their inputs; an activation's gradient has its type, a parameter's is fp32.
    /// </summary>
    public ElementType Precision => Mode.Precision;

    /// <summary>The list that <see cref="Note"/> adds to; null, as in training, for none.</summary>
    public List<(string Name, Tensor Value)>? Notes { get; set; }

    /// <summary>Notes an intermediate value of the model's code by name. Its memory stays its own until the step is built again.</summary>
    /// <returns>The value.</returns>
    public Tensor Note(string name, in Tensor value)
    {
        Notes?.Add((name, value));
        return value;
    }

    /// <summary>A chance to drop used at one explicit site; 0 outside of training.</summary>
    public DropoutSite Dropout(uint site, float dropProbability) => new()
    {
        Scalars = Scalars,
        Seed = Mode.Seed,
        Site = site,
        DropProbability = Training ? dropProbability : 0,
    };

    /// <summary>A result that depends on differentiable inputs exactly where <paramref name="differentiable"/> says so.</summary>
    public Tensor Result(Shape shape, bool differentiable, ElementType type = ElementType.Float32)
    {
        if (!Training || !differentiable)
            return Step.Allocate(shape, type);
        _nodes.Add(new Slot { Shape = shape, Type = type });
        return Step.Allocate(shape, type, _nodes.Count - 1);
    }

    /// <summary>Memory for values kept between kernels; takes no part in differentiation.</summary>
    public Tensor Scratch(Shape shape, ElementType type = ElementType.Float32) => Step.Allocate(shape, type);

    /// <summary>A parameter's value as part of this step.</summary>
    public Tensor Use(Parameter parameter, ElementType type = ElementType.Float32) => Use(parameter, 0, parameter.Shape, type);

    /// <summary>
    /// A contiguous part of a parameter's value as part of this step, with a gradient of its own. Within a step a parameter
    /// is used whole everywhere, or in the same parts everywhere.
    /// </summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="offset">First element.</param>
    /// <param name="shape">Shape of the part.</param>
    /// <param name="type">Whether the fp32 weights are wanted or their bf16 copy; both have one gradient.</param>
    /// <exception cref="InvalidOperationException">Another part that was used before overlaps this one.</exception>
    public Tensor Use(Parameter parameter, long offset, Shape shape, ElementType type = ElementType.Float32)
    {
        var value = parameter.ValueAs(type).Slice(offset, shape);
        if (!Training)
            return value;
        if (!_parameters.TryGetValue(parameter, out var used))
            _parameters.Add(parameter, used = []);
        foreach (var (start, tensor) in used)
        {
            if (start == offset && tensor.Shape == shape)
                return value.At(tensor.Node);
            if (start < offset + shape.Count && offset < start + tensor.Shape.Count)
                throw new InvalidOperationException($"{parameter} is used as {tensor.Shape} at element {start} and as {shape} at element {offset} in one step");
        }
        _nodes.Add(new Slot { Shape = shape, Gradient = parameter.Gradient.Slice(offset, shape) });
        value = value.At(_nodes.Count - 1);
        used.Add((offset, value));
        return value;
    }

    /// <inheritdoc cref="ComputeStream.Touches"/>
    public void Touches(string function, params ReadOnlySpan<Touch> touches) => Stream.Touches(function, touches);

    /// <summary>Records what the backward pass has to do for <paramref name="output"/>.</summary>
    public void Record<TState>(Rule<TState> rule, in TState state, in Tensor output) where TState : unmanaged
    {
        Stream.EndFunction();
        if (output.Node >= 0)
            Push(rule, state, output.Node);
    }

    /// <summary>The place of a loss term's value: outside of training an ordinary tensor.</summary>
    /// <param name="values">Memory for the values of a loss's terms, fp32.</param>
    /// <param name="index">Which of them.</param>
    /// <returns>[1]</returns>
    public Tensor Term(in Tensor values, int index)
    {
        var term = values.Slice(index, new Shape(1));
        if (!Training)
            return term;
        _nodes.Add(new Slot { Shape = term.Shape, IsTerm = true });
        return term.At(_nodes.Count - 1);
    }

    /// <summary>Weight of a loss term in the objective, for the rule of its loss; 0 for a term that the objective does not have.</summary>
    public float WeightOf(in Tensor term) => term.Node < 0 ? 0 : _nodes[term.Node].Weight;

    /// <summary>Records a loss: its rule always runs. It gets the weights of its terms by <see cref="WeightOf"/> and writes gradients.</summary>
    public void RecordLoss<TState>(Rule<TState> rule, in TState state) where TState : unmanaged
    {
        Stream.EndFunction();
        if (Training)
            Push(rule, state, Tensor.NoNode);
    }

    /// <summary>Where to write the gradient of <paramref name="input"/>; default where it wants none.</summary>
    /// <param name="input">An input of the operator.</param>
    /// <param name="add">1 if somebody has written before: add. 0: overwrite.</param>
    public Tensor GradientToWrite(in Tensor input, out int add)
    {
        add = 0;
        if (input.Node < 0)
            return default;
        ref var slot = ref CollectionsMarshal.AsSpan(_nodes)[input.Node];
        if (!slot.Gradient.Exists)
            slot.Gradient = Step.Allocate(slot.Shape, slot.Type);
        add = slot.Written ? 1 : 0;
        slot.Written = true;
        return slot.Gradient;
    }

    /// <summary>The finished gradient of an operator's output.</summary>
    public Tensor GradientOf(in Tensor output) => _nodes[output.Node].Gradient;

    /// <summary>
    /// Runs all rules in reverse, those of losses always, others where the gradient of their output was written. The objective is the
    /// weighted sum of the terms.
    /// </summary>
    /// <param name="terms">The terms of the objective. A term that is listed twice has the sum of both weights.</param>
    /// <exception cref="ArgumentException">A value is not the value of a loss on this tape.</exception>
    public void RunBackward(params ReadOnlySpan<LossTerm> terms)
    {
        var nodes = CollectionsMarshal.AsSpan(_nodes);
        foreach (var term in terms)
        {
            if ((uint)term.Value.Node >= (uint)nodes.Length || !nodes[term.Value.Node].IsTerm)
                throw new ArgumentException($"the term {term.Name} of the objective is not the value of a loss");
            nodes[term.Value.Node].Weight += term.Weight;
        }
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            var (rule, state, output) = _entries[i];
            if (output >= 0 && !_nodes[output].Written)
                continue;
            rule.Run(this, _states + state);
            Stream.EndFunction();
        }
    }

    /// <summary>Forgets the step and takes its memory back.</summary>
    public void Clear()
    {
        _entries.Clear();
        _nodes.Clear();
        _parameters.Clear();
        _used = 0;
        Step.Reset();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_states);
        _states = null;
        _entries.Clear();
    }

    private void Push<TState>(Rule<TState> rule, in TState state, int output) where TState : unmanaged
    {
        int offset = (_used + Alignment - 1) / Alignment * Alignment;
        if (offset + sizeof(TState) > _capacity)
        {
            _capacity = Math.Max(2 * _capacity, offset + sizeof(TState) + 4096);
            _states = (byte*)NativeMemory.AlignedRealloc(_states, (nuint)_capacity, Alignment);
        }
        *(TState*)(_states + offset) = state;
        _used = offset + sizeof(TState);
        _entries.Add((rule, offset, output));
    }
}
