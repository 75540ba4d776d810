using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Training;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;

namespace VideoSim.Models.Training;

/// <summary>A value of a training run is NaN or infinite.</summary>
internal sealed class NonFiniteException(string what, long step) : Exception($"{what} is not finite at step {step}");

/// <summary>The updates of a training run: its steps, its optimizer, and the batch on the device.</summary>
internal sealed class TrainingUpdates : IDisposable
{
    private readonly Device _device;
    private readonly TrainingJob _job;
    private readonly Adam _adam;
    private readonly GradientTree? _tree; // null if a batch has one part
    private readonly BatchBlock _input;
    private readonly TrainingStep?[] _steps; // by variant of the stage
    private readonly LearningRateSchedule[] _schedules;
    private TrainingDraws? _draws;
    private LossTerms? _losses; // of the last step run by this process

    /// <summary>Takes the memory of the optimizer and of a batch.</summary>
    public TrainingUpdates(Device device, TrainingJob job)
    {
        (_device, _job) = (device, job);
        _schedules = job.Config.Schedules();
        Rates = new double[_schedules.Length];
        double[]? weightDecays = job.Config.WeightDecay > 0 ? [.. _schedules.Select(_ => job.Config.WeightDecay)] : null;
        _adam = new Adam(device, job.Model.Parameters, job.Epsilon, weightDecays, job.Config.MaxGradNorm);
        if (job.Config.GradientAccumulationSteps > 1)
            _tree = new GradientTree(device, job.Model.Parameters, job.Config.GradientAccumulationSteps, job.Stage.Sides);
        _input = new BatchBlock(device, job.Stage.Shape, isAhead: true);
        _steps = new TrainingStep?[job.Stage.Variants.Count];
    }

    /// <summary>Learning rate of each parameter group in the last update.</summary>
    public double[] Rates { get; }

    /// <summary>Fill the blocks of a slot with the parts of the batch of a number; one for each thread.</summary>
    public IReadOnlyList<Action<long, BatchBlock[]>> Fills => _draws!.Fills;

    /// <summary>Sets the random choices and builds the step. The moments become 0.</summary>
    public void Begin(int rollbacks)
    {
        DisposeSteps();
        _adam.Reset();
        _losses = null;
        _draws = _job.Draws(rollbacks);
        _steps[0] = Build(_job.Stage.Variants[0]);
    }

    /// <summary>Reads weights and moments of a checkpoint.</summary>
    public void Read(string checkpoint)
    {
        WeightFile.ReadWeights(Path.Combine(checkpoint, RunCheckpoints.Weights), _job.Model.Parameters);
        WeightFile.ReadMoments(Path.Combine(checkpoint, RunCheckpoints.Moments), _device, _job.Model.Parameters, _adam);
    }

    /// <summary>Adds the moments to a checkpoint.</summary>
    public void WriteMoments(Stream stream) => WeightFile.WriteMoments(stream, _device, _job.Model.Parameters, _adam);

    /// <summary>Does one update.</summary>
    /// <param name="slot">The parts of the batch that was taken last.</param>
    /// <param name="batches">Receives the slot when the device has the batch.</param>
    /// <param name="number">0-based number of the update.</param>
    public void Run(BatchBlock[] slot, Prefetcher batches, long number)
    {
        for (int i = 0; i < Rates.Length; i++)
            Rates[i] = _schedules[i].RateAt(number);
        for (int part = 0; part < slot.Length; part++)
        {
            // All variants except the first are built when a batch needs them, which is very rare. Their memory is
            // additional.
            int variant = _job.Stage.VariantFor(slot[part]);
            var step = _steps[variant] ??= Build(_job.Stage.Variants[variant]);
            step.WriteScalars(slot[part], number, Rates, part);
            slot[part].BeginCopyTo(_input);
            step.Run();
            _losses = step.Losses;
        }
        batches.Release(_input);
    }

    /// <summary>The losses of the last update. Waits for the device.</summary>
    /// <param name="done">Updates done.</param>
    /// <exception cref="NonFiniteException">A gradient since the start, or a loss, is not finite.</exception>
    public (LossTerms Terms, float[] Values) ReadLosses(long done)
    {
        var losses = _losses!;
        float[] values = losses.Read(_device);
        if (_adam.FindNonFinite() is { } gradient)
            throw new NonFiniteException($"the gradient of {_job.Model.Parameters.NameAt(gradient.Element)}", gradient.Step + 1);
        if (losses.FirstNonFinite(values) is { } term)
            throw new NonFiniteException($"the loss term {term.Name}", done);
        return (losses, values);
    }

    /// <summary>Norm of the last update's gradient, before it was limited. Waits for the device.</summary>
    /// <exception cref="NonFiniteException">The norm is not finite.</exception>
    public float ReadGradientNorm(long done) => _adam.GradientNorm() is var norm && float.IsFinite(norm) ? norm : throw new NonFiniteException("the norm of the gradient", done);

    /// <summary>
    /// Called before anything is saved. It checks the weights too, because a finite gradient can make them infinite.
    /// </summary>
    /// <exception cref="NonFiniteException">A gradient, a loss, a weight or a moment is not finite.</exception>
    public void RequireFinite(long done)
    {
        if (_losses is not null)
            ReadLosses(done);
        if (WeightFile.FindNonFinite(_device, _job.Model.Parameters, _adam) is { } tensor)
            throw new NonFiniteException(tensor, done);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        DisposeSteps();
        _input.Dispose();
        _tree?.Dispose();
        _adam.Dispose();
    }

    private TrainingStep Build(StepVariant variant) =>
        TrainingStep.Build(_device, _job.Model.Parameters, _adam, _input, tape => variant.Losses(tape, _input), _draws!.Seed, _job.Eager, _job.Config.Precision, _tree);

    private void DisposeSteps()
    {
        foreach (var step in _steps)
            step?.Dispose();
        Array.Clear(_steps);
    }
}
