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
/// Changes parameters by their gradients, in one launch over the flat block of all parameters. It owns the values that
/// it keeps for each parameter from step to step.
/// </summary>
public abstract unsafe class Optimizer : IDisposable
{
    // The kernels process 4 elements at a time with one rate; the store begins each group on a cache line.
    private const int GroupAlignment = 4;

    private readonly Device _device;
    private readonly Arena _arena;
    private readonly Tensor[] _moments;
    private readonly Tensor _groupEnds, _decayEnds, _firstNonFinite;
    private readonly GradientNorm _norm;

    /// <summary>Takes memory for the moments and sets them to 0.</summary>
    /// <param name="device">Where the parameters are.</param>
    /// <param name="parameters">Allocated for training.</param>
    /// <param name="moments">Number of values that are kept for each parameter.</param>
    /// <param name="maxGradientNorm">
    /// The update multiplies the gradient by min(1, maxGradientNorm / (norm + 1e-6)), with the norm of the whole
    /// gradient. 0 for no limit.
    /// </param>
    /// <exception cref="InvalidOperationException">The parameters have no gradients.</exception>
    /// <exception cref="ArgumentException">
    /// The parameters are on another device, or the limit is negative or not finite.
    /// </exception>
    protected Optimizer(Device device, ParameterStore parameters, int moments, double maxGradientNorm)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(parameters);
        if (!(maxGradientNorm >= 0 && float.IsFinite((float)maxGradientNorm)))
            throw new ArgumentOutOfRangeException(nameof(maxGradientNorm), $"the largest norm of the gradient must be at least 0 and finite in fp32, not {maxGradientNorm}");
        parameters.RequireDevice(device);
        parameters.RequireGradients();
        (_device, Parameters, _moments) = (device, parameters, new Tensor[moments]);
        int[] ends = parameters.GroupEnds.Select(static end => checked((int)end)).ToArray();
        if (ends.Any(static end => end % GroupAlignment != 0))
            throw new ArgumentException($"groups end at {string.Join(", ", ends)}, not all of them multiples of {GroupAlignment}");
        int[] decayEnds = parameters.DecayEnds.Select(static end => checked((int)end)).ToArray();
        int count = ends[^1];
        var noted = new Shape(ParameterBlock.Chunks(count), sizeof(ulong) / sizeof(int));
        _arena = new Arena(device, (long)moments * count * sizeof(float) + 2 * ends.Length * sizeof(int) + noted.Count * sizeof(int) + (moments + 3) * Arena.Alignment, "the moments of the optimizer");
        for (int moment = 0; moment < moments; moment++)
            _moments[moment] = _arena.Allocate(new Shape(count));
        _groupEnds = _arena.Allocate(new Shape(ends.Length), ElementType.Int32);
        _decayEnds = _arena.Allocate(new Shape(ends.Length), ElementType.Int32);
        _firstNonFinite = _arena.Allocate(noted, ElementType.Int32);
        device.Upload(MemoryMarshal.AsBytes(ends.AsSpan()), _groupEnds.Address);
        device.Upload(MemoryMarshal.AsBytes(decayEnds.AsSpan()), _decayEnds.Address);
        _norm = new GradientNorm(device, parameters, (float)maxGradientNorm);
        Reset();
    }

    /// <summary>The parameters that it changes.</summary>
    protected internal ParameterStore Parameters { get; }

    /// <summary>Memory of the moments, and of tables and notes that are small beside them.</summary>
    public long Bytes => _arena.Capacity + _norm.Bytes;

    /// <summary>A tensor of its own memory.</summary>
    internal Tensor Root => _groupEnds;

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
    public void Update(ComputeStream stream, StepScalars* scalars)
    {
        var factor = _norm.Factor;
        if (factor.Exists)
            _norm.Measure(stream);
        stream.Touches(Function, [Touch.Write(Parameters.Weights, add: 1), Touch.Read(Parameters.Gradients), Touch.Read(factor), Touch.Write(Parameters.Copies),
            .. _moments.Select(static moment => Touch.Write(moment, add: 1))]);
        Update(stream, new ParameterBlock
        {
            Weights = Parameters.Weights.Floats, Gradients = Parameters.Gradients.Floats, Scalars = scalars, GroupEnds = _groupEnds.Ints,
            DecayEnds = HasDecay ? _decayEnds.Ints : null, Factor = factor.Exists ? factor.Floats : null,
            FirstNonFinite = (ulong*)_firstNonFinite.Address, Copies = Parameters.Copies.ValuesOrNull,
            Count = checked((int)Parameters.FlatCount), Groups = _groupEnds.Shape.Width,
        });
    }

    /// <summary>
    /// The norm of the whole gradient of the last step, before it was limited. Waits for the device, so call it for
    /// log lines, not in every step. A norm above fp32's range is the largest float; it is NaN or infinite only if a
    /// gradient is.
    /// </summary>
    public float GradientNorm()
    {
        if (!_norm.Factor.Exists)
            _norm.Measure(_device.Stream);
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
        ulong first = noted.DefaultIfEmpty(ParameterBlock.AllFinite).Min();
        return first == ParameterBlock.AllFinite ? null : new NonFiniteGradient((long)(first >> 32), (uint)first);
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

    /// <summary>Whether weights decay.</summary>
    private protected virtual bool HasDecay => false;

    /// <summary>Launches the update of a block.</summary>
    private protected abstract void Update(ComputeStream stream, in ParameterBlock block);
}
