using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Adam;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Optimizers;

/// <summary>The first NaN or infinite value among the gradients.</summary>
/// <param name="Step">0-based number of the update that met it.</param>
/// <param name="Element">Its place in the flat block; <see cref="ParameterStore.NameAt"/> names the tensor.</param>
public readonly record struct NonFiniteGradient(long Step, long Element);

/// <summary>
/// Adam without weight decay or clipping, in Keras's form (epsilon beside the uncorrected square root): one launch over the
/// flat block of all parameters. It owns the moments, which a checkpoint saves with the weights.
/// </summary>
public sealed unsafe class Adam : IDisposable
{
    // The kernel takes 4 elements at a time under one rate; the store begins each group on a cache line.
    private const int GroupAlignment = 4;

    private readonly Device _device;
    private readonly ParameterStore _parameters;
    private readonly float _epsilon;
    private readonly Arena _arena;
    private readonly Tensor _groupEnds, _firstNonFinite;

    /// <summary>Takes memory for the moments and sets them to 0.</summary>
    /// <param name="device">Where the parameters are.</param>
    /// <param name="parameters">Allocated for training.</param>
    /// <param name="epsilon">Added to the square root of the second moment; follows the scale of the loss.</param>
    public Adam(Device device, ParameterStore parameters, double epsilon)
    {
        if (!parameters.Gradients.Exists)
            throw new InvalidOperationException("the parameters have no gradients: allocate them for training");
        (_device, _parameters, _epsilon) = (device, parameters, (float)epsilon);
        var ends = parameters.GroupEnds.Select(static end => checked((int)end)).ToArray();
        if (ends.Any(static end => end % GroupAlignment != 0))
            throw new ArgumentException($"groups end at {string.Join(", ", ends)}, not all of them multiples of {GroupAlignment}");
        int count = ends[^1];
        var noted = new Shape(AdamKernels.Chunks(count), sizeof(ulong) / sizeof(int));
        long bytes = 2L * count * sizeof(float) + ends.Length * sizeof(int) + noted.Count * sizeof(int) + 4 * Arena.Alignment;
        _arena = new Arena(device, bytes);
        FirstMoment = _arena.Allocate(new Shape(count));
        SecondMoment = _arena.Allocate(new Shape(count));
        _groupEnds = _arena.Allocate(new Shape(ends.Length), ElementType.Int32);
        _firstNonFinite = _arena.Allocate(noted, ElementType.Int32);
        device.Upload(MemoryMarshal.AsBytes(ends.AsSpan()), _groupEnds.Address);
        Reset();
    }

    /// <summary>Running mean of the gradients, in the order of the weights.</summary>
    public Tensor FirstMoment { get; }

    /// <summary>Running mean of the squared gradients, in the order of the weights.</summary>
    public Tensor SecondMoment { get; }

    /// <summary>
    /// Writes each group's rate for one step, the bias correction in it: rate * sqrt(1 - beta2^t) / (1 - beta1^t) with t = step + 1.
    /// </summary>
    /// <param name="scalars">The step's scalars on the host; the step number is left alone.</param>
    /// <param name="step">0-based number of the update.</param>
    /// <param name="learningRates">One for each group.</param>
    public static void WriteRates(ref StepScalars scalars, long step, ReadOnlySpan<double> learningRates)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(learningRates.Length, StepScalars.MaxGroups);
        double updates = step + 1;
        double correction = Math.Sqrt(1 - Math.Pow(AdamKernels.Beta2, updates)) / (1 - Math.Pow(AdamKernels.Beta1, updates));
        for (int group = 0; group < StepScalars.MaxGroups; group++)
            scalars.Rates[group] = group < learningRates.Length ? (float)(learningRates[group] * correction) : 0;
    }

    /// <summary>Changes weights and moments by the gradients that the backward pass left.</summary>
    /// <param name="stream">The device's stream, or one that records or counts for it.</param>
    /// <param name="scalars">The step's scalars on the device.</param>
    public void Update(ComputeStream stream, StepScalars* scalars)
    {
        stream.Touches("weight, gradient, both moments -> weight, both moments, bf16 copy", Touch.Write(_parameters.Weights, add: 1), Touch.Read(_parameters.Gradients),
            Touch.Write(FirstMoment, add: 1), Touch.Write(SecondMoment, add: 1), Touch.Write(_parameters.Copies));
        stream.Run(AdamKernels.Update, new AdamArgs
        {
            Weights = _parameters.Weights.Floats, Gradients = _parameters.Gradients.Floats,
            FirstMoment = FirstMoment.Floats, SecondMoment = SecondMoment.Floats,
            Scalars = scalars, GroupEnds = _groupEnds.Ints, FirstNonFinite = (ulong*)_firstNonFinite.Address,
            Copies = _parameters.Copies.ValuesOrNull, Count = checked((int)_parameters.FlatCount), Groups = _groupEnds.Shape.Width,
            FirstShare = (float)(1 - AdamKernels.Beta1), SecondShare = (float)(1 - AdamKernels.Beta2), Epsilon = _epsilon,
        });
    }

    /// <summary>
    /// The first update whose gradients held a NaN or an infinity, and the first such element in it; null if there was none.
    /// Waits for the device: for log lines and saves, not for every step.
    /// </summary>
    public NonFiniteGradient? FindNonFinite()
    {
        var noted = new ulong[_firstNonFinite.Shape[0]];
        _device.Download(_firstNonFinite.Address, MemoryMarshal.AsBytes(noted.AsSpan()));
        ulong first = noted.DefaultIfEmpty(AdamKernels.AllFinite).Min();
        return first == AdamKernels.AllFinite ? null : new NonFiniteGradient((long)(first >> 32), (uint)first);
    }

    /// <summary>Sets the moments to 0 and forgets non-finite gradients, as before the first step.</summary>
    public void Reset()
    {
        foreach (var moment in new[] { FirstMoment, SecondMoment })
            _device.Clear(moment.Address, moment.Shape.Count * sizeof(float));
        var finite = new ulong[_firstNonFinite.Shape[0]];
        Array.Fill(finite, AdamKernels.AllFinite);
        _device.Upload(MemoryMarshal.AsBytes(finite.AsSpan()), _firstNonFinite.Address);
    }

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();
}
