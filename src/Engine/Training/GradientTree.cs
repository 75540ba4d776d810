using System.Numerics;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Elementwise;

namespace VideoSim.Engine.Training;

/// <summary>
/// Adds the gradients and the losses of the parts of a batch, its micro-batches. Gradients are added in a binary tree:
/// first two neighbours, then two sums of two, and so on. The tree depends on the number of parts alone. All steps of
/// an update share one tree, and each run of a step is the next part.
/// </summary>
public sealed unsafe class GradientTree : IDisposable
{
    /// <summary>The largest number of parts.</summary>
    public const int MostParts = 1 << 12;

    private const int MostTerms = 16;

    private readonly ParameterStore _parameters;
    private readonly Arena _arena;
    private readonly Tensor[] _sums; // [i]: sum of 2^i neighbouring parts
    private readonly Tensor _losses, _zero;
    private object? _writer; // the step that ran all parts so far; the tree itself if several did

    /// <summary>Takes memory: one block of gradients for each level of the tree.</summary>
    /// <param name="device">Where the parameters are.</param>
    /// <param name="parameters">Allocated for training.</param>
    /// <param name="parts">Parts of a batch, 2 to <see cref="MostParts"/>.</param>
    /// <param name="sides">See <see cref="StepMode"/>.</param>
    /// <exception cref="ArgumentException">
    /// The parameters are on another device, or a number is out of range.
    /// </exception>
    /// <exception cref="InvalidOperationException">The parameters have no gradients.</exception>
    public GradientTree(Device device, ParameterStore parameters, int parts, int sides = 1)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfLessThan(parts, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(parts, MostParts);
        ArgumentOutOfRangeException.ThrowIfLessThan(sides, 1);
        parameters.RequireDevice(device);
        parameters.RequireGradients();
        (_parameters, Parts, Sides) = (parameters, parts, sides);
        _sums = new Tensor[BitOperations.Log2((uint)parts - 1) + 1];
        var flat = parameters.Gradients.Shape;
        Shape losses = new(MostTerms), zero = new(1);
        _arena = new Arena(device, _sums.Length * Arena.BytesOf(flat, ElementType.Float32) + Arena.BytesOf(losses, ElementType.Float32) + Arena.BytesOf(zero, ElementType.Float32), "the sums of gradients");
        for (int i = 0; i < _sums.Length; i++)
            _sums[i] = _arena.Allocate(flat);
        (_losses, _zero) = (_arena.Allocate(losses), _arena.Allocate(zero));
        device.Clear(_zero.Address, sizeof(float));
    }

    /// <summary>Parts of a batch.</summary>
    public int Parts { get; }

    /// <summary>Equal groups of samples in a part, see <see cref="StepMode"/>.</summary>
    public int Sides { get; }

    /// <summary>0-based number of the part that the next run of a step processes.</summary>
    public int Next { get; private set; }

    /// <summary>Memory of the sums.</summary>
    public long Bytes => _arena.Capacity;

    /// <summary>A tensor of its own memory.</summary>
    internal Tensor Root => _zero;

    /// <summary>The objective of a part, whose parts add up to that of the batch.</summary>
    internal LossTerm[] OfPart(LossTerms terms)
    {
        if (terms.Terms.Length > MostTerms)
            throw new ArgumentException($"the objective has {terms.Terms.Length} terms; with several parts there may be {MostTerms}");
        var scaled = terms.Terms.ToArray();
        foreach (ref var term in scaled.AsSpan())
            term = term with { Weight = term.IsSum ? term.Weight : term.Weight / Parts };
        return scaled;
    }

    /// <summary>The objective of the batch. Its values are complete after the last part.</summary>
    internal LossTerms OfBatch(LossTerms terms)
    {
        var sums = terms.Terms.ToArray();
        for (int i = 0; i < sums.Length; i++)
            sums[i] = sums[i] with { Value = _losses.Slice(i, new Shape(1)) };
        return new LossTerms(sums) { Parts = Parts };
    }

    /// <summary>Adds the gradients and the losses of the part that was just run.</summary>
    /// <param name="stream">The device's stream, or one that counts for it.</param>
    /// <param name="terms">The terms of the part.</param>
    /// <param name="step">The step that ran it.</param>
    /// <returns>
    /// True after the last part: <see cref="ParameterStore.Gradients"/> then has the gradients of the batch.
    /// </returns>
    internal bool Add(ComputeStream stream, LossTerms terms, object step)
    {
        int part = Next;
        bool isLast = part == Parts - 1;
        Next = isLast ? 0 : part + 1;
        _writer = part == 0 || _writer == step ? step : this;
        for (int i = 0; i < terms.Terms.Length; i++)
        {
            var sum = _losses.Slice(i, new Shape(1));
            Sum(stream, terms.Terms[i].Value, part == 0 ? _zero : sum, sum);
        }
        // The bits of the part's number tell which sums exist, as in a counter. The last part meets all of them.
        var gradients = _parameters.Gradients;
        if (isLast)
        {
            for (int i = 0; i < _sums.Length; i++)
            {
                if ((part >> i & 1) != 0)
                    Sum(stream, _sums[i], gradients, gradients);
            }
            _parameters.MarkGradients(_writer);
            return true;
        }
        int carries = BitOperations.TrailingZeroCount(~part);
        if (carries == 0)
            stream.Run(ElementwiseKernels.AddBackward[ElementType.Float32], new ElementwiseGradArgs { dY = gradients.Values, dA = _sums[0].Values, Count = gradients.Shape.Count });
        for (int i = 0; i < carries; i++)
            Sum(stream, _sums[i], gradients, i == carries - 1 ? _sums[carries] : gradients);
        if (carries > 1)
            _parameters.MarkGradients(_writer);
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

    private static void Sum(ComputeStream stream, in Tensor a, in Tensor b, in Tensor y) =>
        stream.Run(ElementwiseKernels.Add[ElementType.Float32], new ElementwiseArgs { A = a.Values, B = b.Values, Y = y.Values, Count = y.Shape.Count });
}
