using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Autograd;

/// <summary>
/// A tensor that is saved with the weights but not trained, such as running statistics. It has parts like a <see
/// cref="Parameter"/>.
/// </summary>
public sealed class StateTensor
{
    internal StateTensor(Shape shape, IReadOnlyList<ParameterPart> parts, float initial) => (Shape, Parts, Initial) = (shape, parts, initial);

    /// <summary>Shape of the whole.</summary>
    public Shape Shape { get; }

    /// <summary>Named parts, in memory order, without gaps.</summary>
    public IReadOnlyList<ParameterPart> Parts { get; }

    /// <summary>Value of every element before training.</summary>
    public float Initial { get; }

    /// <summary>The values.</summary>
    public Tensor Value { get; internal set; }
}

/// <summary>A tensor of fixed values, such as a table of angles: neither trained nor saved.</summary>
public sealed class Constant
{
    internal Constant(Shape shape, Func<float[]> values) => (Shape, Values) = (shape, values);

    /// <summary>Sizes.</summary>
    public Shape Shape { get; }

    /// <summary>The values on the device.</summary>
    public Tensor Value { get; internal set; }

    internal Func<float[]> Values { get; }
}

/// <summary>
/// All parameters of a model, in flat blocks. Weights, gradients and an optimizer's moments lie in the same order,
/// group after group. One launch can therefore update all of them, and a checkpoint is a few ranges. Layers declare
/// parameters first; <see cref="Allocate"/> then takes memory for all of them. There need not be a block of gradients:
/// then each gradient is in a step's arena, from its first writer to its update.
/// </summary>
public sealed class ParameterStore : IDisposable
{
    /// <summary>What a step calls it if it was disposed of.</summary>
    internal const string Owner = "parameter store";

    private const uint InitializationStep = uint.MaxValue; // never reached by training, whose steps count from 0

    // First values are drawn in runs, each by one thread, and uploaded in blocks of many runs.
    private const int RunElements = 1 << 14, BlockElements = 32 * RunElements;

    private readonly List<Parameter> _parameters = [];
    private readonly List<StateTensor> _states = [];
    private readonly List<Constant> _constants = [];
    private readonly HashSet<string> _names = [];
    private readonly KeptGradients _kept = new();
    private long _declared; // elements, gaps included
    private Arena? _arena;
    private Device? _device;
    private bool _isForTraining;
    private object? _gradientsOf; // the step that last wrote gradients

    /// <summary>
    /// Parameters in order of declaration within each group, groups in order. In the flat block the parameters of a
    /// group that decay come before the others.
    /// </summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>Tensors of fixed values.</summary>
    public IReadOnlyList<Constant> Constants => _constants;

    /// <summary>Saved but untrained tensors.</summary>
    public IReadOnlyList<StateTensor> States => _states;

    /// <summary>Trainable elements.</summary>
    public long Count => _parameters.Sum(parameter => parameter.Shape.Count);

    /// <summary>The weights: a flat block of <see cref="FlatCount"/> elements.</summary>
    public Tensor Weights { get; private set; }

    /// <summary>
    /// Gradients, in the order of the weights. Exists only if <see cref="Allocate"/> was called for it.
    /// </summary>
    public Tensor Gradients { get; private set; }

    /// <summary>
    /// The weights rounded to bf16, in the same order. Exists only if <see cref="Allocate"/> was called for bf16.
    /// </summary>
    public Tensor Copies { get; private set; }

    /// <summary>Elements of a flat block, alignment gaps included.</summary>
    public long FlatCount { get; private set; }

    /// <summary>End of each group within the flat block.</summary>
    public IReadOnlyList<long> GroupEnds { get; private set; } = [];

    /// <summary>Memory of everything that the store has, gradients included; 0 before it is allocated.</summary>
    public long Bytes => (_arena?.Capacity ?? 0) + _kept.Bytes;

    /// <summary>The part of <see cref="Bytes"/> that is for gradients.</summary>
    public long GradientBytes => (Gradients.Exists ? FlatCount * sizeof(float) : 0) + _kept.Bytes;

    /// <summary>Declares one trainable tensor.</summary>
    public Parameter Add(int group, string name, Shape shape, Initializer initializer) =>
        Stack(group, shape, [(name, shape)], initializer);

    /// <summary>
    /// Declares parts that lie one after the other in one tensor. The initializer is called for each part.
    /// </summary>
    public Parameter Stack(int group, Shape shape, IReadOnlyList<(string Name, Shape Shape)> parts, Initializer initializer)
    {
        RequireUnallocated();
        ArgumentOutOfRangeException.ThrowIfNegative(group);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(group, StepScalars.MaxGroups);
        var parameter = new Parameter(this, group, shape, Divide(shape, parts), initializer);
        _declared += Aligned(shape.Count);
        if (_declared > Shape.MostElements)
            throw new DataException(string.Create(CultureInfo.InvariantCulture, $"with {parts[0].Name} {shape} the model would have {_declared:N0} parameters; at most {Shape.MostElements:N0} are possible"));
        _parameters.Add(parameter);
        return parameter;
    }

    /// <summary>Declares parts of a saved, untrained tensor.</summary>
    public StateTensor StackState(Shape shape, IReadOnlyList<(string Name, Shape Shape)> parts, float initial)
    {
        RequireUnallocated();
        var state = new StateTensor(shape, Divide(shape, parts), initial);
        _states.Add(state);
        return state;
    }

    /// <summary>Declares fixed values; they are on the device as soon as memory is allocated.</summary>
    /// <param name="shape">Their shape.</param>
    /// <param name="values">Computes them, row-major. Called when memory is allocated.</param>
    public Constant AddConstant(Shape shape, Func<float[]> values)
    {
        RequireUnallocated();
        var constant = new Constant(shape, values);
        _constants.Add(constant);
        return constant;
    }

    /// <summary>
    /// Takes memory for weights, states and constants, and for training also for gradients. Weights and states are
    /// undefined. Gradients and the gaps between weights are 0: optimizers read them even if no step writes them.
    /// </summary>
    /// <param name="device">Device that the memory is taken from.</param>
    /// <param name="training">Whether there are gradients.</param>
    /// <param name="precision">Precision of the steps. For bf16 each weight gets a bf16 copy.</param>
    /// <param name="keepsGradients">
    /// Whether all gradients of a step exist at the same time. A <see cref="Training.GradientTree"/>, a limit of the
    /// gradient's norm, and a step whose gradients are read need it. Otherwise backward updates parameters soon after
    /// their gradients are complete, and the memory of the gradients is used again. Both give the same bits.
    /// </param>
    /// <exception cref="InvalidOperationException">The store has memory already.</exception>
    public void Allocate(Device device, bool training, ElementType precision = ElementType.Float32, bool keepsGradients = true)
    {
        ArgumentNullException.ThrowIfNull(device);
        RequireUnallocated();
        StepMode.RequirePrecision(precision);
        (_device, _isForTraining) = (device, training);
        // OrderBy is a stable sort, unlike List.Sort.
        var ordered = _parameters.OrderBy(static parameter => parameter.Group).ToArray();
        _parameters.Clear();
        _parameters.AddRange(ordered);
        long end = 0;
        List<long> ends = [];
        for (int group = 0; group <= (_parameters.LastOrDefault()?.Group ?? 0); group++)
        {
            Place(group, decay: true);
            Place(group, decay: false);
            ends.Add(end);
        }
        (FlatCount, GroupEnds) = (end, ends);
        long otherBytes = _states.Select(state => state.Shape).Concat(_constants.Select(constant => constant.Shape))
            .Sum(shape => shape.Count * sizeof(float) + Arena.Alignment);
        bool hasCopies = precision != ElementType.Float32, hasGradients = training && keepsGradients;
        int bytesOfWeight = (hasGradients ? 2 : 1) * sizeof(float) + (hasCopies ? precision.Size() : 0);
        _arena = new Arena(device, (end * bytesOfWeight + 3 * Arena.Alignment) + otherBytes, hasGradients ? "the weights and gradients of the model" : "the weights of the model");
        var flat = new Shape(1, checked((int)end));
        Weights = _arena.Allocate(flat);
        if (hasCopies)
            Copies = _arena.Allocate(flat, precision);
        if (hasGradients)
        {
            Gradients = _arena.Allocate(flat);
            device.Clear(Gradients.Address, end * sizeof(float));
        }
        foreach (var parameter in _parameters)
        {
            ClearGap(Weights, parameter);
            if (Copies.Exists)
                ClearGap(Copies, parameter);
            parameter.Value = Weights.Slice(parameter.Offset, parameter.Shape);
            if (Copies.Exists)
                parameter.Copy = Copies.Slice(parameter.Offset, parameter.Shape);
            if (hasGradients)
                parameter.Gradient = Gradients.Slice(parameter.Offset, parameter.Shape);
        }
        foreach (var state in _states)
            state.Value = _arena.Allocate(state.Shape);
        foreach (var constant in _constants)
        {
            float[] values = constant.Values();
            if (values.Length != constant.Shape.Count)
                throw new ArgumentException($"{values.Length} values do not fill a constant {constant.Shape}");
            constant.Value = _arena.Allocate(constant.Shape);
            device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), constant.Value.Address);
        }

        // The norm of the gradient is summed in this order.
        void Place(int group, bool decay)
        {
            foreach (var parameter in _parameters.Where(parameter => parameter.Group == group && parameter.Decays == decay))
            {
                parameter.Offset = end;
                end += Aligned(parameter.Shape.Count);
            }
        }

        void ClearGap(Tensor block, Parameter parameter)
        {
            long gap = Aligned(parameter.Shape.Count) - parameter.Shape.Count;
            if (gap > 0)
                device.Clear(block.Slice(parameter.Offset + parameter.Shape.Count, new Shape((int)gap)).Address, gap * block.Type.Size());
        }
    }

    /// <summary>
    /// Writes the first value of every part and state. A part's random numbers depend only on the seed and the part's
    /// name.
    /// </summary>
    /// <param name="seed">Key of the random numbers.</param>
    /// <exception cref="InvalidOperationException">The store has no memory yet.</exception>
    public void Initialize(ulong seed)
    {
        RequireAllocated();
        float[] values = new float[BlockElements];
        foreach (var part in Parts())
        {
            uint site = NameHash(part.Name);
            for (long block = 0; block < part.Value.Shape.Count; block += BlockElements)
            {
                long start = block;
                int count = (int)Math.Min(BlockElements, part.Value.Shape.Count - start);
                try
                {
                    Parallel.For(0, (count - 1) / RunElements + 1, run =>
                    {
                        int first = run * RunElements, length = Math.Min(RunElements, count - first);
                        double[] uniform = ArrayPool<double>.Shared.Rent(length);
                        Philox.FillUniform(uniform.AsSpan(0, length), seed, InitializationStep, site, start + first);
                        part.Initializer(values.AsSpan(first, length), part.Value.Shape, index => uniform[index]);
                        ArrayPool<double>.Shared.Return(uniform);
                    });
                }
                catch (AggregateException e)
                {
                    throw new InvalidOperationException($"{part.Name} cannot be initialized: {e.InnerExceptions[0].Message}", e.InnerExceptions[0]);
                }
                Upload(values.AsSpan(0, count), part.Value.Slice(start, new Shape(count)));
            }
        }
        foreach (var state in _states)
        {
            float[] initial = new float[state.Shape.Count];
            Array.Fill(initial, state.Initial);
            Upload(initial, state.Value);
        }
    }

    /// <summary>Writes values to a part of the weights and to its bf16 copy, or to a state.</summary>
    /// <param name="values">One value for each element of the part.</param>
    /// <param name="part">
    /// A tensor from <see cref="Parts"/> or <see cref="StateParts"/>, or a slice of one.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The tensor is not in the store's memory, or has another number of elements.
    /// </exception>
    public void Upload(ReadOnlySpan<float> values, in Tensor part)
    {
        var device = RequireAllocated();
        if (part.Arena != Weights.Arena || part.Type != ElementType.Float32)
            throw new ArgumentException($"a tensor {part.Shape} of {part.Type} is no part of the store's weights and states");
        if (values.Length != part.Shape.Count)
            throw new ArgumentException($"{values.Length} values do not fill a part {part.Shape}");
        device.Upload(MemoryMarshal.AsBytes(values), part.Address);
        long offset = (part.Address - Weights.Address) / sizeof(float);
        if (!Copies.Exists || offset < 0 || offset >= FlatCount)
            return;
        var copies = new BFloat16[values.Length];
        for (int i = 0; i < copies.Length; i++)
            copies[i] = new BFloat16(values[i]);
        device.Upload(MemoryMarshal.AsBytes(copies.AsSpan()), Copies.Slice(offset, part.Shape).Address);
    }

    /// <summary>
    /// Every named part of the parameters with views of its memory, in the order of <see cref="Parameters"/>.
    /// </summary>
    public IEnumerable<(string Name, Tensor Value, Tensor Gradient, Initializer Initializer)> Parts()
    {
        foreach (var parameter in _parameters)
        {
            foreach (var part in parameter.Parts)
            {
                yield return (part.Name, parameter.Value.Slice(part.Offset, part.Shape),
                    parameter.Gradient.Exists ? parameter.Gradient.Slice(part.Offset, part.Shape) : default, parameter.Initializer);
            }
        }
    }

    /// <summary>Every named part of the saved, untrained tensors.</summary>
    public IEnumerable<(string Name, Tensor Value)> StateParts() =>
        _states.SelectMany(state => state.Parts.Select(part => (part.Name, state.Value.Slice(part.Offset, part.Shape))));

    /// <summary>The name of the part that contains an element of the flat block.</summary>
    public string NameAt(long element)
    {
        foreach (var parameter in _parameters)
        {
            foreach (var part in parameter.Parts)
            {
                long start = parameter.Offset + part.Offset;
                if (element >= start && element < start + part.Shape.Count)
                    return part.Name;
            }
        }
        return "an alignment gap";
    }

    /// <summary>
    /// Sets the gradients to 0 if another step wrote them: this step may not write the gradients of all parameters.
    /// </summary>
    internal void BeginGradients(object step)
    {
        if (_gradientsOf is not null && _gradientsOf != step)
        {
            if (Gradients.Exists)
                _device!.Clear(Gradients.Address, FlatCount * sizeof(float));
            _kept.Clear(_device!);
        }
        _gradientsOf = step;
    }

    /// <summary>
    /// Notes that sums were written to the gradients: sums of the gradients of one step, or of several steps.
    /// </summary>
    /// <param name="writer">The step; an object that is no step if there were several.</param>
    internal void MarkGradients(object writer) => _gradientsOf = writer;

    /// <summary>
    /// The gradient of a parameter in memory that no other tensor uses; 0 where the last step did not write it.
    /// </summary>
    internal Tensor KeptGradient(Parameter parameter) => parameter.Gradient.Exists ? parameter.Gradient : _kept.Of(parameter, RequireAllocated());

    /// <summary>Throws unless the store was allocated for training.</summary>
    internal void RequireTraining()
    {
        RequireAllocated();
        if (!_isForTraining)
            throw new InvalidOperationException("the parameters have no gradients: allocate the store for training");
    }

    /// <summary>Throws unless the store has memory for all gradients.</summary>
    internal void RequireGradients()
    {
        RequireTraining();
        if (!Gradients.Exists)
            throw new InvalidOperationException("the store does not keep gradients: a gradient tree, a limit of the norm and a step whose gradients are read need one that does");
    }

    /// <summary>Throws unless the memory is on a device.</summary>
    internal void RequireDevice(Device device)
    {
        if (RequireAllocated() != device)
            throw new ArgumentException($"the parameters are on {_device!.Name}, not on the given device {device.Name}");
    }

    /// <summary>The device of the memory; throws if there is no memory yet.</summary>
    internal Device RequireAllocated() => _device ?? throw new InvalidOperationException("the parameter store has no memory yet: call Allocate first");

    /// <inheritdoc/>
    public void Dispose()
    {
        _arena?.Dispose();
        _kept.Dispose();
    }

    private void RequireUnallocated()
    {
        if (_device is not null)
            throw new InvalidOperationException("the parameter store has memory already: declare everything first, then call Allocate once");
    }

    // Every tensor begins on a cache line.
    private static long Aligned(long elements) => (elements + 15) / 16 * 16;

    // FNV-1a gives the same hash in all runs, platforms and versions; string.GetHashCode does not.
    private static uint NameHash(string name)
    {
        uint hash = 2166136261;
        foreach (char c in name)
            hash = (hash ^ c) * 16777619;
        return hash;
    }

    private List<ParameterPart> Divide(Shape shape, IReadOnlyList<(string Name, Shape Shape)> parts)
    {
        var list = new List<ParameterPart>();
        long offset = 0;
        foreach (var (name, partShape) in parts)
        {
            if (!_names.Add(name))
                throw new ArgumentException($"two tensors are called {name}");
            list.Add(new ParameterPart(name, partShape, offset));
            offset += partShape.Count;
        }
        return offset == shape.Count ? list
            : throw new ArgumentException($"{parts[0].Name} and the parts after it have {offset} elements in all, which is not the size of {shape}");
    }
}
