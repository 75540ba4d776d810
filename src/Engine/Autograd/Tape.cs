using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Autograd;

/// <summary>The backward pass of one operator. It gets the state that the operator's forward pass recorded.</summary>
public delegate void Backward<TState>(Tape tape, in TState state) where TState : unmanaged;

/// <summary>A backward function without its type parameter, as the tape stores it.</summary>
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
/// The operations of one step in order, and the gradients of their tensors. Operators call kernels through <see
/// cref="Stream"/>, take their results from the step's arena, and record a rule; <see cref="RunBackward"/> runs the
/// rules in reverse. The first writer of a gradient overwrites, later ones add: nothing is zeroed before a step.
/// </summary>
public sealed unsafe class Tape : IDisposable
{
    private const int Alignment = 16;

    private readonly List<(Rule Rule, int State, int Output)> _entries = [];
    private readonly List<Slot> _nodes = [];
    private readonly Dictionary<Parameter, List<(long Offset, Tensor Tensor)>> _parameters = [];
    private readonly List<(Parameter Parameter, int Entry)> _firstUses = []; // in order, with the next rule's number
    private readonly WaitingSums _sums = new();
    private byte* _states;
    private int _used, _capacity;

    /// <summary>A tape over a stream and the arena of one step.</summary>
    public Tape(ComputeStream stream, Arena step) => (Stream, Step) = (stream, step);

    private struct Slot
    {
        public nint Arena, Address; // of the tensor: they distinguish it from tensors of other tapes
        public nint Copy; // address of a weight's bf16 copy, which has the same slot
        public Shape Shape;
        public ElementType Type; // of the gradient
        public Tensor Gradient;
        public bool Written;
        public bool IsOfBranch; // the gradient's last writer is a branch, which may not have been joined
        public bool IsTerm;
        public float Weight; // of a term
    }

    /// <summary>The stream that kernels are launched on.</summary>
    public ComputeStream Stream { get; }

    /// <summary>The arena of results, kept values and gradients of intermediate tensors.</summary>
    public Arena Step { get; }

    /// <summary>
    /// Memory for the packed operand of a matrix product; null on devices that pack nothing. Launches run one after
    /// the other, so all products of a step share one block.
    /// </summary>
    public Arena? Workspace { get; init; }

    /// <summary>How the step is built.</summary>
    public StepMode Mode { get; init; }

    /// <summary>
    /// Whether a backward pass will follow: rules are recorded, dropout is active, batch statistics are used.
    /// </summary>
    public bool Training => Mode.Training;

    /// <summary>The device that will run the step; null for a tape without a step.</summary>
    internal Device? Device { get; init; }

    /// <summary>
    /// One tensor of each block of memory that outlives the step and that its launches use, with the name of the
    /// block's owner; null for a tape without a step.
    /// </summary>
    internal List<(Tensor Tensor, string Owner)>? Roots { get; init; }

    /// <summary>The step's scalars on the device.</summary>
    public StepScalars* Scalars { get; init; }

    /// <summary>
    /// How activations are stored, and which copy of the weights products read. Operators on data or tables make
    /// tensors of this type; all others use the type of their inputs. The gradient of an activation has the
    /// activation's type; the gradient of a parameter is fp32.
    /// </summary>
    public ElementType Precision => Mode.Precision;

    /// <summary>The list that <see cref="Note"/> adds to; null for none, as in training.</summary>
    public List<(string Name, Tensor Value)>? Notes { get; set; }

    /// <summary>
    /// Records an intermediate value under a name. No other tensor uses its memory until the step is built again.
    /// </summary>
    /// <returns>The value.</returns>
    public Tensor Note(string name, in Tensor value)
    {
        Notes?.Add((name, value));
        return value;
    }

    /// <summary>A dropout site and its probability, which is 0 outside of training.</summary>
    /// <param name="site">Number of this use of random numbers.</param>
    /// <param name="dropProbability">Chance to zero an element in training.</param>
    /// <param name="elements">
    /// Elements that dropout draws for: [<paramref name="stack"/>, samples of the batch, elements of a sample].
    /// </param>
    /// <param name="stack">Number of times that the tensor contains all samples of the batch.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The probability is negative, 1 or more, or not a number.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// The batch has several parts, and the elements are too many or do not belong to equally many samples of each
    /// side.
    /// </exception>
    public DropoutSite Dropout(uint site, float dropProbability, long elements, int stack = 1)
    {
        if (dropProbability is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(dropProbability), $"a drop probability must be at least 0 and below 1, not {dropProbability}");
        var whole = new DropoutSite
        {
            Scalars = Scalars,
            Seed = Mode.Seed,
            Site = site,
            DropProbability = Training ? dropProbability : 0,
        };
        if (whole.DropProbability == 0 || Mode.Parts == 1)
            return whole;
        int chunks = stack * Mode.Sides;
        if (elements > uint.MaxValue || elements % chunks != 0)
            throw new ArgumentException($"dropout of {elements} elements in {chunks} equal runs: there must be at most {uint.MaxValue}, and no rest");
        return whole with { Chunk = (uint)(elements / chunks), OtherParts = (uint)(Mode.Parts - 1) };
    }

    /// <summary>
    /// Allocates the result of an operator. It has a gradient only if <paramref name="differentiable"/>.
    /// </summary>
    public Tensor Result(Shape shape, bool differentiable, ElementType type = ElementType.Float32)
    {
        if (!Training || !differentiable)
            return Step.Allocate(shape, type);
        return Place(Step.Allocate(shape, type), new Slot { Shape = shape, Type = type });
    }

    /// <summary>Allocates memory for values that pass between kernels. They have no gradient.</summary>
    public Tensor Scratch(Shape shape, ElementType type = ElementType.Float32) => Step.Allocate(shape, type);

    /// <summary>A parameter's value as a tensor of this step.</summary>
    public Tensor Use(Parameter parameter, ElementType type = ElementType.Float32) => Use(parameter, 0, parameter.Shape, type);

    /// <summary>
    /// A contiguous part of a parameter's value as a tensor of this step, with its own gradient. A step must use a
    /// parameter whole everywhere, or in the same parts everywhere.
    /// </summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="offset">First element.</param>
    /// <param name="shape">Shape of the part.</param>
    /// <param name="type">Float32 for the weights, BFloat16 for their copy. Both have the same gradient.</param>
    /// <exception cref="InvalidOperationException">
    /// The step already uses another part that overlaps this one.
    /// </exception>
    public Tensor Use(Parameter parameter, long offset, Shape shape, ElementType type = ElementType.Float32)
    {
        var value = parameter.ValueAs(type).Slice(offset, shape);
        if (Device is not null)
            parameter.Store.RequireDevice(Device);
        DependOn(value, ParameterStore.Owner);
        if (!Training)
            return value;
        parameter.Store.RequireTraining();
        if (!_parameters.TryGetValue(parameter, out var used))
        {
            _parameters.Add(parameter, used = []);
            _firstUses.Add((parameter, _entries.Count));
        }
        foreach (var (start, tensor) in used)
        {
            if (start == offset && tensor.Shape == shape)
                return value.At(tensor.Node);
            if (start < offset + shape.Count && offset < start + tensor.Shape.Count)
                throw new InvalidOperationException($"{parameter} is used as {tensor.Shape} at element {start} and as {shape} at element {offset} in one step");
        }
        nint copy = parameter.Copy.Exists ? parameter.Copy.Slice(offset, shape).Address : 0;
        // The gradient of a whole parameter may be in the step's arena, because the first rule writes all of it.
        bool isKept = parameter.Gradient.Exists || shape.Count < parameter.Shape.Count;
        var gradient = isKept ? parameter.Store.KeptGradient(parameter).Slice(offset, shape) : default;
        var weights = Place(parameter.Value.Slice(offset, shape), new Slot { Shape = shape, Gradient = gradient, Copy = copy });
        used.Add((offset, weights));
        return value.At(weights.Node);
    }

    /// <inheritdoc cref="ComputeStream.Touches"/>
    public void Touches(string function, params ReadOnlySpan<Touch> touches) => Stream.Touches(function, touches);

    /// <summary>Records the backward rule of <paramref name="output"/>.</summary>
    public void Record<TState>(Rule<TState> rule, in TState state, in Tensor output) where TState : unmanaged
    {
        Stream.EndFunction();
        if (output.Node < 0)
            return;
        _ = SlotOf(output);
        Push(rule, state, output.Node);
    }

    /// <summary>
    /// Gives a loss term's value a place on the tape. Outside of training it stays an ordinary tensor.
    /// </summary>
    /// <param name="values">Memory for the values of a loss's terms, fp32.</param>
    /// <param name="index">Index of the term.</param>
    /// <returns>[1]</returns>
    public Tensor Term(in Tensor values, int index)
    {
        var term = values.Slice(index, new Shape(1));
        if (!Training)
            return term;
        return Place(term, new Slot { Shape = term.Shape, IsTerm = true });
    }

    /// <summary>
    /// Weight of a loss term in the objective; the backward rule of its loss reads it. 0 if the objective does not
    /// contain the term.
    /// </summary>
    public float WeightOf(in Tensor term) => term.Node < 0 ? 0 : SlotOf(term).Weight;

    /// <summary>
    /// Records a loss. Its rule always runs: it reads the weights of its terms by <see cref="WeightOf"/> and writes
    /// gradients.
    /// </summary>
    public void RecordLoss<TState>(Rule<TState> rule, in TState state) where TState : unmanaged
    {
        Stream.EndFunction();
        if (Training)
            Push(rule, state, Tensor.NoNode);
    }

    /// <summary>
    /// The tensor to write the gradient of <paramref name="input"/> to; default if the input needs no gradient.
    /// </summary>
    /// <param name="input">An input of the operator.</param>
    /// <param name="add">1 to add to it, because another operator has already written it; 0 to overwrite it.</param>
    /// <param name="inBranch">Whether a branch of the stream will write it.</param>
    public Tensor GradientToWrite(in Tensor input, out int add, bool inBranch = false)
    {
        add = 0;
        if (input.Node < 0)
            return default;
        ref var slot = ref SlotOf(input);
        if (!slot.Gradient.Exists)
            slot.Gradient = Step.Allocate(slot.Shape, slot.Type);
        if (!inBranch)
            JoinWriter(ref slot);
        FinishSumsOf(input);
        add = slot.Written ? 1 : 0;
        (slot.Written, slot.IsOfBranch) = (true, inBranch);
        return slot.Gradient;
    }

    /// <summary>The finished gradient of an operator's output.</summary>
    public Tensor GradientOf(in Tensor output)
    {
        ref var slot = ref SlotOf(output);
        JoinWriter(ref slot);
        FinishSumsOf(output);
        return slot.Gradient;
    }

    /// <summary>
    /// Adds up the partial sums of a vector's gradient later, together with those of other vectors. The gradient is
    /// complete after <see cref="FinishSums"/>.
    /// </summary>
    /// <param name="vector">The vector.</param>
    /// <param name="partial">[chunks, width], fp32; an earlier launch outside of branches writes it.</param>
    /// <param name="gradient">[width], from <see cref="GradientToWrite"/>, or a part of it.</param>
    /// <param name="add">1 to add to it.</param>
    internal void SumLater(in Tensor vector, in Tensor partial, in Tensor gradient, int add)
    {
        _sums.Add(vector, partial, gradient, add);
        if (_sums.IsFull)
            FinishSums();
    }

    /// <summary>Launches the sums that wait.</summary>
    internal void FinishSums() => _sums.Run(Stream);

    /// <summary>
    /// Runs the rules in reverse order. Rules of losses always run; other rules run if the gradient of their output
    /// was written. The objective is the weighted sum of the terms.
    /// </summary>
    /// <param name="terms">
    /// The terms of the objective. A term that is listed twice has the sum of both weights.
    /// </param>
    /// <exception cref="ArgumentException">A value is not the value of a loss on this tape.</exception>
    public void RunBackward(params ReadOnlySpan<LossTerm> terms)
    {
        RunBackwardByParameter(terms, complete: null);
        Stream.Join();
    }

    /// <summary>
    /// The same, and passes each parameter of the step on as soon as no further rule reads it or writes its gradient.
    /// </summary>
    /// <param name="terms">The terms of the objective.</param>
    /// <param name="complete">
    /// Receives the parameter and its gradient, which a branch may have written, or which may wait for
    /// <see cref="FinishSums"/>. It may change the parameter in a branch; the gradient's memory is used again.
    /// </param>
    internal void RunBackwardByParameter(ReadOnlySpan<LossTerm> terms, Action<Parameter, Tensor>? complete)
    {
        var nodes = CollectionsMarshal.AsSpan(_nodes);
        foreach (var term in terms)
        {
            if (!Owns(term.Value) || !nodes[term.Value.Node].IsTerm)
                throw new ArgumentException($"the term {term.Name} of the objective is not the value of a loss");
            nodes[term.Value.Node].Weight += term.Weight;
        }
        int uses = _firstUses.Count;
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            Complete(i + 1);
            var (rule, state, output) = _entries[i];
            if (output >= 0 && !_nodes[output].Written)
                continue;
            rule.Run(this, _states + state);
            Stream.EndFunction();
        }
        Complete(0);
        FinishSums();

        // An operator takes a parameter before it records its rule. So the rules that use the parameter come after its
        // first use, and backward has run them when it has run all of those.
        void Complete(int entry)
        {
            for (; complete is not null && uses > 0 && _firstUses[uses - 1].Entry >= entry; uses--)
            {
                complete(_firstUses[uses - 1].Parameter, CompleteGradientOf(_firstUses[uses - 1].Parameter));
                Stream.EndFunction();
            }
        }
    }

    /// <summary>Whether the step uses a parameter.</summary>
    internal bool Uses(Parameter parameter) => _parameters.ContainsKey(parameter);

    /// <summary>Notes that the step cannot run without the block of memory that contains a tensor.</summary>
    internal void DependOn(Tensor tensor, string owner)
    {
        if (Roots is not null && !Roots.Exists(root => root.Tensor.Arena == tensor.Arena))
            Roots.Add((tensor, owner));
    }

    /// <summary>Removes all recorded operations and resets the arena.</summary>
    public void Clear()
    {
        _entries.Clear();
        _nodes.Clear();
        _parameters.Clear();
        _firstUses.Clear();
        _sums.Clear();
        _used = 0;
        Step.Reset();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_states);
        _states = null;
        (_used, _capacity) = (0, 0);
        _entries.Clear();
    }

    private void FinishSumsOf(in Tensor tensor)
    {
        if (_sums.Completes(tensor))
            FinishSums();
    }

    private void JoinWriter(ref Slot slot)
    {
        if (slot.IsOfBranch)
            Stream.Join();
        slot.IsOfBranch = false;
    }

    // 0 where no rule has written it.
    private Tensor CompleteGradientOf(Parameter parameter)
    {
        ref readonly var slot = ref SlotOf(_parameters[parameter][0].Tensor);
        return slot.Written && slot.Shape.Count == parameter.Shape.Count ? slot.Gradient : parameter.Store.KeptGradient(parameter);
    }

    private Tensor Place(in Tensor tensor, Slot slot)
    {
        _nodes.Add(slot with { Arena = tensor.Arena, Address = tensor.Address });
        return tensor.At(_nodes.Count - 1);
    }

    // Two steps have different arenas. If they share a parameter, they share its gradient, so both slots are alike.
    private bool Owns(in Tensor tensor)
    {
        if ((uint)tensor.Node >= (uint)_nodes.Count)
            return false;
        ref readonly var slot = ref CollectionsMarshal.AsSpan(_nodes)[tensor.Node];
        return slot.Arena == tensor.Arena && (slot.Address == tensor.Address || slot.Copy == tensor.Address) && slot.Shape.Count == tensor.Shape.Count;
    }

    private ref Slot SlotOf(in Tensor tensor)
    {
        if (!Owns(tensor))
            throw new InvalidOperationException($"a tensor {tensor.Shape} belongs to the tape of another step");
        return ref CollectionsMarshal.AsSpan(_nodes)[tensor.Node];
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
