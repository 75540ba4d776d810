using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Optimizers;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Optimizers;

/// <summary>The first NaN or infinite value among the gradients.</summary>
/// <param name="Step">0-based number of the update that found it.</param>
/// <param name="Element">Its place in the flat block; <see cref="ParameterStore.NameAt"/> names the tensor.</param>
public readonly record struct NonFiniteGradient(long Step, long Element);

/// <summary>
/// Changes parameters by their gradients: in one launch over the flat block of all parameters, or in launches of some
/// parameters each, if their store does not keep gradients. It owns the values that it keeps for each parameter from
/// step to step.
/// </summary>
public abstract unsafe class Optimizer : IDisposable
{
    private readonly Device _device;
    private readonly Arena _arena;
    private readonly Tensor[] _moments;
    private readonly Tensor _chunkGroups, _firstNonFinite;
    private readonly ParameterChunks _chunks;
    private readonly GradientNorm _norm;

    /// <summary>Takes memory for the moments and sets them to 0.</summary>
    /// <param name="device">Where the parameters are.</param>
    /// <param name="parameters">Allocated for training.</param>
    /// <param name="moments">Number of values that are kept for each parameter.</param>
    /// <param name="decays">Whether the parameters of which <see cref="Parameter.Decays"/> is true decay.</param>
    /// <param name="maxGradientNorm">
    /// The update multiplies the gradient by min(1, maxGradientNorm / (norm + 1e-6)), with the norm of the whole
    /// gradient. 0 for no limit.
    /// </param>
    /// <exception cref="InvalidOperationException">
    /// The parameters have no gradients, or the norm is limited and the store does not keep them.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// The parameters are on another device, or the limit is negative or not finite.
    /// </exception>
    protected Optimizer(Device device, ParameterStore parameters, int moments, bool decays, double maxGradientNorm)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(parameters);
        if (!(maxGradientNorm >= 0 && float.IsFinite((float)maxGradientNorm)))
            throw new ArgumentOutOfRangeException(nameof(maxGradientNorm), $"the largest norm of the gradient must be at least 0 and finite in fp32, not {maxGradientNorm}");
        parameters.RequireDevice(device);
        if (maxGradientNorm > 0)
            parameters.RequireGradients();
        parameters.RequireTraining();
        (_device, Parameters, _moments, _chunks) = (device, parameters, new Tensor[moments], new ParameterChunks(parameters, decays));
        int count = checked((int)parameters.FlatCount);
        var noted = new Shape(_chunks.Count, sizeof(ulong) / sizeof(int));
        _arena = new Arena(device, ((long)moments * count + _chunks.Count + noted.Count) * sizeof(float) + (moments + 2) * Arena.Alignment, "the moments of the optimizer");
        for (int moment = 0; moment < moments; moment++)
            _moments[moment] = _arena.Allocate(new Shape(count));
        _chunkGroups = _arena.Allocate(new Shape(_chunks.Count), ElementType.Int32);
        _firstNonFinite = _arena.Allocate(noted, ElementType.Int32);
        device.Upload(MemoryMarshal.AsBytes(_chunks.Groups.AsSpan()), _chunkGroups.Address);
        _norm = new GradientNorm(device, parameters, _chunks, (float)maxGradientNorm);
        Reset();
    }

    /// <summary>The parameters that it changes.</summary>
    protected internal ParameterStore Parameters { get; }

    /// <summary>Memory of the moments, and of tables and notes that are small beside them.</summary>
    public long Bytes => _arena.Capacity + _norm.Bytes;

    /// <summary>A tensor of its own memory.</summary>
    internal Tensor Root => _chunkGroups;

    /// <summary>The values that are kept for each parameter, in the order of the weights.</summary>
    protected IReadOnlyList<Tensor> Moments => _moments;

    /// <summary>
    /// Writes the rates to the step's scalars, which the update reads: each group's rate, with the optimizer's
    /// correction.
    /// </summary>
    /// <param name="scalars">The step's scalars on the host; the step number does not change.</param>
    /// <param name="step">0-based number of the update.</param>
    /// <param name="learningRates">One for each group.</param>
    /// <exception cref="ArgumentException">The number of rates is not the number of groups.</exception>
    public abstract void WriteRates(ref StepScalars scalars, long step, ReadOnlySpan<double> learningRates);

    /// <summary>
    /// Changes weights and moments by the gradients of the backward pass. If their norm is limited, measures it first.
    /// </summary>
    /// <param name="stream">The device's stream, or one that records or counts for it.</param>
    /// <param name="scalars">The step's scalars on the device.</param>
    /// <exception cref="InvalidOperationException">The store does not keep gradients.</exception>
    public void Update(ComputeStream stream, StepScalars* scalars)
    {
        Parameters.RequireGradients();
        var factor = _norm.Factor;
        if (factor.Exists)
            _norm.Measure(stream);
        var block = Block(scalars);
        block.Add(Parameters.Gradients.Floats, firstChunk: 0, _chunks.Count, (int)Parameters.FlatCount);
        stream.Touches(Function, [Touch.Write(Parameters.Weights, add: 1), Touch.Read(Parameters.Gradients), Touch.Read(factor), Touch.Write(Parameters.Copies),
            .. _moments.Select(static moment => Touch.Write(moment, add: 1))]);
        Update(stream, block);
    }

    /// <summary>
    /// Changes some parameters and their moments by their gradients. The memory of the gradients is not used after it.
    /// For a store that does not keep gradients; an update changes all parameters of the store.
    /// </summary>
    /// <param name="stream">The device's stream, or one that records or counts for it.</param>
    /// <param name="scalars">The step's scalars on the device.</param>
    /// <param name="parts">
    /// At most <see cref="ParameterBlock.MaxParts"/> parameters of the store and their gradients, which are complete.
    /// </param>
    internal void Update(ComputeStream stream, StepScalars* scalars, IReadOnlyList<(Parameter Parameter, Tensor Gradient)> parts)
    {
        var block = Block(scalars);
        List<Touch> touches = [];
        foreach (var (parameter, gradient) in parts)
        {
            var (first, count) = _chunks.Of(parameter);
            block.Add(gradient.Floats, first, count, (int)parameter.Shape.Count);
            touches.AddRange([Touch.Write(parameter.Value, add: 1), Touch.Read(gradient), Touch.Write(parameter.Copy),
                .. _moments.Select(moment => Touch.Write(moment.Slice(parameter.Offset, parameter.Shape), add: 1))]);
        }
        stream.Touches(Function, [.. touches]);
        Update(stream, block);
        stream.EndFunction();
    }

    /// <summary>
    /// The norm of the whole gradient of the last update, before it was limited. Waits for the device, so call it for
    /// log lines, not in every step. A norm above fp32's range is the largest float; it is NaN or infinite only if a
    /// gradient is.
    /// </summary>
    public float GradientNorm()
    {
        if (!_norm.Factor.Exists)
            _norm.AddChunks(_device.Stream);
        return _norm.Read();
    }

    /// <summary>
    /// The first update in which a gradient was NaN or infinite, and the first such element; null if there was none.
    /// Waits for the device, so call it for log lines and saves, not in every step.
    /// </summary>
    public NonFiniteGradient? FindNonFinite()
    {
        ulong[] noted = new ulong[_firstNonFinite.Shape[0]];
        _device.Download(_firstNonFinite.Address, MemoryMarshal.AsBytes(noted.AsSpan()));
        return noted.Where(static place => place != ParameterBlock.AllFinite).Order().Select(static place => new NonFiniteGradient((long)(place >> 32), (uint)place))
            .Cast<NonFiniteGradient?>().FirstOrDefault();
    }

    /// <summary>Sets the moments to 0 and clears the record of non-finite gradients.</summary>
    public void Reset()
    {
        foreach (var moment in _moments)
            _device.Clear(moment.Address, moment.Shape.Count * sizeof(float));
        ulong[] finite = new ulong[_firstNonFinite.Shape[0]];
        Array.Fill(finite, ParameterBlock.AllFinite);
        _device.Upload(MemoryMarshal.AsBytes(finite.AsSpan()), _firstNonFinite.Address);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _arena.Dispose();
        _norm.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Writes the rates of groups times a factor; 0 for groups that do not exist.</summary>
    private protected void WriteRates(ref StepScalars scalars, ReadOnlySpan<double> learningRates, double factor)
    {
        if (learningRates.Length != Parameters.GroupEnds.Count)
            throw new ArgumentException($"the number of learning rates is {learningRates.Length}, that of parameter groups is {Parameters.GroupEnds.Count}: each group needs its own rate");
        for (int group = 0; group < StepScalars.MaxGroups; group++)
            scalars.Rates[group] = group < learningRates.Length ? (float)(learningRates[group] * factor) : 0;
    }

    /// <summary>What the update reads and writes, in the words of the table of floors.</summary>
    private protected abstract string Function { get; }

    /// <summary>Launches the update.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="block">What it updates.</param>
    private protected abstract void Update(ComputeStream stream, in ParameterBlock block);

    // Without parts.
    private ParameterBlock Block(StepScalars* scalars) => new()
    {
        Weights = Parameters.Weights.Floats, Scalars = scalars, ChunkStarts = _norm.ChunkStarts.Ints, ChunkGroups = _chunkGroups.Ints,
        Factor = _norm.Factor.Exists ? _norm.Factor.Floats : null, ChunkSums = _norm.Factor.Exists ? null : (double*)_norm.ChunkSums.Address,
        FirstNonFinite = (ulong*)_firstNonFinite.Address, Copies = Parameters.Copies.ValuesOrNull,
    };
}
