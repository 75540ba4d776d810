using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Random;
using VideoSim.Models.Batches;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Baselines;

/// <summary>
/// What one linear map can do: mean frame and character bag of a video are mapped to an embedding, trained on labelled pairs so
/// that the cosine of two embeddings comes close to the pair's similarity in squared error (reference fact sheet, section 4.6, Q).
/// </summary>
internal sealed unsafe class LinearProbe : IDisposable
{
    private const int EmbeddingWidth = 256;
    private const int Batch = 64;

    // As strong as it gets on synthetic data: more epochs score at most 0.001 more, a third or three times the rate less.
    private const int Epochs = 4;
    private const double Rate = 3e-3;
    private const double AdamEpsilon = 1e-8;
    private const uint ShufflePurpose = 200; // unlike those of the training stages

    private readonly Device _device;
    private readonly ulong _seed;
    private readonly ParameterStore _parameters = new();
    private readonly Parameter _map;
    private readonly Arena _arena;
    private readonly Tensor _x;
    private readonly Tensor _targets;
    private readonly Tensor _scalars;
    private readonly float[] _hostX;
    private readonly float[] _hostTargets = new float[Batch];

    /// <summary>Prepares a map with random weights.</summary>
    /// <param name="device">Where to train.</param>
    /// <param name="inputWidth">Values that describe a video.</param>
    /// <param name="seed">Key of the random numbers.</param>
    internal LinearProbe(Device device, int inputWidth, ulong seed)
    {
        (_device, _seed) = (device, seed);
        _map = _parameters.Add(0, "map", new Shape(EmbeddingWidth, inputWidth), FillUniformly);
        _parameters.Allocate(device, training: true);
        _parameters.Initialize(seed);
        _hostX = new float[2 * Batch * inputWidth];
        _arena = new Arena(device, ((_hostX.Length + Batch) * sizeof(float)) + sizeof(StepScalars) + (3 * Arena.Alignment));
        _x = _arena.Allocate(new Shape(2 * Batch, inputWidth));
        _targets = _arena.Allocate(new Shape(Batch));
        _scalars = _arena.Allocate(new Shape(sizeof(StepScalars) / sizeof(int)), ElementType.Int32);
    }

    private StepScalars* Scalars => (StepScalars*)_scalars.Address;

    /// <summary>Trains on all pairs.</summary>
    /// <param name="writeRow">Writes what describes a video into a row of zeros.</param>
    /// <param name="pairs">The pairs.</param>
    /// <param name="cancellation">Stops the training.</param>
    internal void Train(Action<int, Span<float>> writeRow, ReadOnlySpan<VideoPair> pairs, CancellationToken cancellation)
    {
        using var adam = new Adam(_device, _parameters, AdamEpsilon);
        using var step = new Step<PairTerms>(_device, new StepMode(Training: true), Scalars, tape =>
        {
            var terms = Compare(tape);
            tape.RunBackward(new LossTerm("squared_error", 1, terms.SquaredError));
            adam.Update(tape.Stream, Scalars);
            return terms;
        });
        var batch = Math.Min(Batch, pairs.Length);
        var order = new EpochOrder([.. Enumerable.Range(0, pairs.Length)], batch, _seed, ShufflePurpose);
        var steps = Epochs * order.BatchesPerEpoch;
        var schedule = new LearningRateSchedule(Rate, 0, steps);
        var chosen = new VideoPair[batch];
        for (var s = 0; s < steps; s++)
        {
            cancellation.ThrowIfCancellationRequested();
            var numbers = order.BatchAt(s);
            for (var i = 0; i < batch; i++)
            {
                chosen[i] = pairs[numbers[i]];
            }

            var now = new StepScalars { Step = (uint)s };
            adam.WriteRates(ref now, s, [schedule.RateAt(s)]);
            _device.Upload(MemoryMarshal.AsBytes(new ReadOnlySpan<StepScalars>(in now)), _scalars.Address);
            Upload(writeRow, chosen);
            step.Run();
        }
    }

    /// <summary>The cosines of pairs.</summary>
    /// <param name="writeRow">Writes what describes a video into a row of zeros.</param>
    /// <param name="pairs">The pairs.</param>
    internal double[] Similarities(Action<int, Span<float>> writeRow, ReadOnlySpan<VideoPair> pairs)
    {
        using var step = new Step<Tensor>(_device, new StepMode(Training: false), Scalars, tape => Compare(tape).Cosines);
        var similarities = new double[pairs.Length];
        var cosines = new float[Batch];
        for (var from = 0; from < pairs.Length; from += Batch)
        {
            var part = pairs.Slice(from, Math.Min(Batch, pairs.Length - from));
            Upload(writeRow, part);
            step.Run();
            _device.Download(step.Result.Address, MemoryMarshal.AsBytes(cosines.AsSpan()));
            for (var i = 0; i < part.Length; i++)
            {
                similarities[from + i] = cosines[i];
            }
        }

        return similarities;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _arena.Dispose();
        _parameters.Dispose();
    }

    private PairTerms Compare(Tape tape)
    {
        var embeddings = Linear.Forward(tape, _x, tape.Use(_map));
        return PairLoss.Forward(tape, embeddings, _targets);
    }

    // Pairs that are missing to a full batch are rows of zeros: their cosine is 0, their target as well, and so is their gradient.
    private void Upload(Action<int, Span<float>> writeRow, ReadOnlySpan<VideoPair> pairs)
    {
        Array.Clear(_hostX);
        Array.Clear(_hostTargets);
        var width = _x.Shape.Width;
        for (var i = 0; i < pairs.Length; i++)
        {
            writeRow(pairs[i].Left, _hostX.AsSpan(i * width, width));
            writeRow(pairs[i].Right, _hostX.AsSpan((Batch + i) * width, width));
            _hostTargets[i] = pairs[i].TargetSimilarity;
        }

        _device.Upload(MemoryMarshal.AsBytes(_hostX.AsSpan()), _x.Address);
        _device.Upload(MemoryMarshal.AsBytes(_hostTargets.AsSpan()), _targets.Address);
    }

    // Glorot's limit, as for the dense layers of the models.
    private static void FillUniformly(Span<float> values, Shape shape, Func<long, double> uniform)
    {
        var limit = Math.Sqrt(6.0 / (shape[0] + shape[1]));
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(limit * ((2 * uniform(i)) - 1));
        }
    }
}
