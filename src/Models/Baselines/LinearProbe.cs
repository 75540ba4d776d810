using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Models.Batches;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Baselines;

/// <summary>
/// A baseline of one linear map. It maps the mean frame and the character bag of a video to an embedding. Training on
/// labelled pairs minimises the squared error between the cosine of two embeddings and the pair's similarity (Q in
/// docs/reference-system.md, section 4.6).
/// </summary>
internal sealed class LinearProbe : IDisposable
{
    private const int EmbeddingWidth = 256;
    private const int Batch = 64;

    // The best values on synthetic data. More epochs gain at most 0.001 Spearman; a third of the rate and three times
    // the rate score lower.
    private const int Epochs = 4;
    private const double Rate = 3e-3;
    private const double AdamEpsilon = 1e-8;
    private const uint ShufflePurpose = 200; // differs from the numbers of the training stages

    private readonly Device _device;
    private readonly ulong _seed;
    private readonly ParameterStore _parameters = new();
    private readonly Parameter _map;
    private readonly StepInputs _inputs;
    private readonly float[] _rows;
    private readonly float[] _targets = new float[Batch];

    /// <summary>Prepares a map with random weights.</summary>
    /// <param name="device">The device.</param>
    /// <param name="inputWidth">Input values of a video.</param>
    /// <param name="seed">Key of the random numbers.</param>
    internal LinearProbe(Device device, int inputWidth, ulong seed)
    {
        (_device, _seed) = (device, seed);
        _map = _parameters.Add(0, "map", new Shape(EmbeddingWidth, inputWidth), Initializers.GlorotUniform);
        _parameters.Allocate(device, training: true);
        _parameters.Initialize(seed);
        _rows = new float[2 * Batch * inputWidth];
        _inputs = new StepInputs(device, new("rows", new Shape(2 * Batch, inputWidth)), new("targets", new Shape(Batch)));
    }

    /// <summary>Trains on all pairs.</summary>
    /// <param name="writeRow">Writes the input values of a video into a row of zeros.</param>
    /// <param name="pairs">The pairs.</param>
    /// <param name="cancellation">Stops the training.</param>
    internal void Train(Action<int, Span<float>> writeRow, ReadOnlySpan<VideoPair> pairs, CancellationToken cancellation)
    {
        using var adam = new Adam(_device, _parameters, AdamEpsilon);
        using var step = TrainingStep.Build(_device, _parameters, adam, _inputs, tape => Compare(tape).SquaredError);
        int batch = Math.Min(Batch, pairs.Length);
        var order = new EpochOrder([.. Enumerable.Range(0, pairs.Length)], batch, _seed, ShufflePurpose);
        int steps = Epochs * order.BatchesPerEpoch;
        var schedule = new LearningRateSchedule(Rate, 0, steps);
        var chosen = new VideoPair[batch];
        for (int s = 0; s < steps; s++)
        {
            cancellation.ThrowIfCancellationRequested();
            var numbers = order.BatchAt(s);
            for (int i = 0; i < batch; i++)
                chosen[i] = pairs[numbers[i]];

            Upload(writeRow, chosen);
            step.Run(schedule.RateAt(s));
        }
    }

    /// <summary>The cosines of pairs.</summary>
    /// <param name="writeRow">Writes the input values of a video into a row of zeros.</param>
    /// <param name="pairs">The pairs.</param>
    internal double[] Similarities(Action<int, Span<float>> writeRow, ReadOnlySpan<VideoPair> pairs)
    {
        using var step = InferenceStep.Build(_device, _inputs, tape => Compare(tape).Cosines);
        double[] similarities = new double[pairs.Length];
        for (int from = 0; from < pairs.Length; from += Batch)
        {
            var part = pairs.Slice(from, Math.Min(Batch, pairs.Length - from));
            Upload(writeRow, part);
            step.Run();
            float[] cosines = _device.Read<float>(step.Result);
            for (int i = 0; i < part.Length; i++)
                similarities[from + i] = cosines[i];
        }

        return similarities;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _inputs.Dispose();
        _parameters.Dispose();
    }

    private PairTerms Compare(Tape tape) => PairLoss.Forward(tape, Linear.Forward(tape, _inputs["rows"], tape.Use(_map)), _inputs["targets"]);

    // Unused pairs of a batch are rows of zeros. Their cosine, target and gradient are 0.
    private void Upload(Action<int, Span<float>> writeRow, ReadOnlySpan<VideoPair> pairs)
    {
        Array.Clear(_rows);
        Array.Clear(_targets);
        int width = _map.Shape.Width;
        for (int i = 0; i < pairs.Length; i++)
        {
            writeRow(pairs[i].Left, _rows.AsSpan(i * width, width));
            writeRow(pairs[i].Right, _rows.AsSpan((Batch + i) * width, width));
            _targets[i] = pairs[i].TargetSimilarity;
        }

        _inputs.Upload<float>("rows", _rows);
        _inputs.Upload<float>("targets", _targets);
    }
}
