using System.Globalization;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Training;

/// <summary>A training step of a stage without a batch, for counting and for timing.</summary>
internal sealed class BuiltStep : IDisposable
{
    private readonly Device _device;
    private readonly Adam _adam;
    private readonly GradientTree? _tree;
    private readonly TrainingStep _step;

    /// <summary>Builds the step.</summary>
    /// <param name="device">The device.</param>
    /// <param name="sizes">Model and recipes.</param>
    /// <param name="pretraining">True for pretraining, false for finetuning.</param>
    /// <param name="precision">Type of activations; null for the recipe's.</param>
    public BuiltStep(Device device, Preset sizes, bool pretraining, ElementType? precision = null)
    {
        _device = device;
        Training = pretraining ? sizes.Pretrain : sizes.Finetune;
        var stored = TrainingConfig.Require(precision ?? Training.Precision, device);
        Model = ModelZoo.Create(sizes.Model);
        Model.Parameters.Allocate(device, training: true, stored, Training.KeepsGradients);
        _adam = new Adam(device, Model.Parameters, epsilon: 1);
        Stage = pretraining ? Model.Pretraining(Training.Batch, Training.Losses) : Model.Finetuning(Training.Batch, Training.Losses);
        Input = new BatchBlock(device, Stage.Shape, isAhead: true); // as in a training
        if (Training.GradientAccumulationSteps > 1)
            _tree = new GradientTree(device, Model.Parameters, Training.GradientAccumulationSteps, Stage.Sides);
        _step = TrainingStep.Build(device, Model.Parameters, _adam, Input, tape => Stage.Variants[0].Losses(tape, Input), precision: stored, tree: _tree);
    }

    public TrainingConfig Training { get; }

    public IVideoModel Model { get; }

    public TrainingStage Stage { get; }

    public BatchBlock Input { get; }

    public Step<LossTerms> Step => _step.Step;

    /// <summary>What the step allocates, without the packed operands of products.</summary>
    public PlannedMemory Memory
    {
        get
        {
            long gradients = Model.Parameters.GradientBytes, weights = Model.Parameters.Bytes - gradients, sums = _tree?.Bytes ?? 0;
            return new PlannedMemory(weights, gradients + sums, _adam.Bytes, Step.ArenaBytes, weights + gradients + sums + _adam.Bytes + Input.Bytes + Step.ArenaFloor);
        }
    }

    /// <summary>Runs all parts of an update.</summary>
    public void Update()
    {
        for (int part = 0; part < Training.GradientAccumulationSteps; part++)
            _step.Run();
    }

    /// <summary>
    /// The first loss term of the last run that is not finite, and its value; null if all are. Waits for the device.
    /// </summary>
    public string? NonFiniteTerm() => Step.Result.FirstNonFinite(Step.Result.Read(_device)) is { } term
        ? string.Create(CultureInfo.InvariantCulture, $"{term.Name} is {term.Value}") : null;

    public void Dispose()
    {
        _step.Dispose();
        Input.Dispose();
        _tree?.Dispose();
        _adam.Dispose();
        Model.Parameters.Dispose();
    }
}
