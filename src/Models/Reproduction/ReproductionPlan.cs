using System.Text.Json.Serialization;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Optimizers;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Reproduction;

/// <summary>One training run, or several of one size.</summary>
/// <param name="Model">Which model.</param>
/// <param name="Stage">pretrain or finetune.</param>
/// <param name="Runs">How many: one, or one for each fold.</param>
/// <param name="Steps">Updates of a run.</param>
/// <param name="Batch">Videos or pairs of a step.</param>
/// <param name="Parameters">Trainable parameters.</param>
/// <param name="FlopsPerStep">Forward, backward and update, counted launch by launch.</param>
/// <param name="DeviceBytes">Weights, gradients, moments, activations and input.</param>
/// <param name="DiskBytes">What a finished run leaves: two checkpoints with moments, the last and the best weights.</param>
public sealed record PlannedRuns(string Model, string Stage, int Runs, int Steps, int Batch, long Parameters, double FlopsPerStep, long DeviceBytes, long DiskBytes);

/// <summary>What <c>reproduce</c> would do, without doing it: every step is built on a device without memory and counted.</summary>
/// <param name="Runs">In order.</param>
/// <param name="TotalRuns">Their number.</param>
/// <param name="TotalFlops">Of all steps of all runs.</param>
/// <param name="TotalDiskBytes">Of all runs.</param>
public sealed record ReproductionPlan(IReadOnlyList<PlannedRuns> Runs, int TotalRuns, double TotalFlops, long TotalDiskBytes)
{
    private const int BytesOnDiskPerParameter = (2 * 3 + 2) * sizeof(float);

    /// <summary>Counts.</summary>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="models">Canonical names.</param>
    /// <param name="folds">Folds of each model; null for the preset's number.</param>
    /// <param name="overrides"><c>key=value</c> overrides of the preset.</param>
    public static ReproductionPlan Of(string preset, IReadOnlyList<string> models, int? folds, IReadOnlyList<string> overrides)
    {
        var runs = new List<PlannedRuns>();
        foreach (string model in models)
        {
            var sizes = Preset.Load(preset, model, overrides);
            runs.Add(Count(sizes.Model, "pretrain", 1, sizes.Pretrain, StageStep.Pretraining));
            runs.Add(Count(sizes.Model, "finetune", folds ?? sizes.Folds, sizes.Finetune, StageStep.Finetuning));
        }
        return new ReproductionPlan(runs, runs.Sum(run => run.Runs), runs.Sum(run => run.Runs * run.Steps * run.FlopsPerStep), runs.Sum(run => run.Runs * run.DiskBytes));
    }

    /// <summary>What every kernel does in one step of each stage, summed over the models.</summary>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="models">Canonical names.</param>
    public static IReadOnlyDictionary<Kernel, KernelUse> KernelUses(string preset, IEnumerable<string> models)
    {
        using var device = new CountingDevice();
        foreach (string model in models)
        {
            var sizes = Preset.Load(preset, model, []);
            Build(device, sizes.Model, sizes.Pretrain, StageStep.Pretraining, static (step, _, _) => step.Run());
            Build(device, sizes.Model, sizes.Finetune, StageStep.Finetuning, static (step, _, _) => step.Run());
        }
        return ((CountingStream)device.Stream).Uses;
    }

    private static PlannedRuns Count(ModelConfig config, string name, int runs, TrainingConfig training, StageBuilder stageOf)
    {
        using var device = new CountingDevice();
        PlannedRuns? planned = null;
        Build(device, config, training, stageOf, (step, stage, parameters) => planned = new PlannedRuns(config.Model, name, runs, training.Steps, training.Batch,
            parameters.Count, step.Cost.Flops, 4 * sizeof(float) * parameters.FlatCount + step.ArenaBytes + BatchBlock.Bytes(stage.Shape), BytesOnDiskPerParameter * parameters.Count));
        return planned!;
    }

    private delegate StageStep StageBuilder(IVideoModel model, ModelConfig config, TrainingConfig training);

    private static unsafe void Build(Device device, ModelConfig config, TrainingConfig training, StageBuilder stageOf, Action<Step<StepOutputs>, StageStep, ParameterStore> use)
    {
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: true);
        using var adam = new Adam(device, parameters, epsilon: 1);
        var stage = stageOf(model, config, training);
        using var input = new BatchBlock(device, stage.Shape);
        using var step = new Step<StepOutputs>(device, new StepMode(Training: true), input.Scalars, tape =>
        {
            var outputs = stage.Losses(tape, input, stage.MaskedRows[0]);
            tape.RunBackward();
            adam.Update(tape.Stream, input.Scalars);
            return outputs;
        });
        use(step, stage, parameters);
    }
}

/// <summary>JSON of plans.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ReproductionPlan))]
public sealed partial class PlanJson : JsonSerializerContext;
