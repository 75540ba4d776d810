using System.Globalization;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Configuration;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>One training run, or several of one size.</summary>
/// <param name="Model">Which model.</param>
/// <param name="Stage">pretrain or finetune.</param>
/// <param name="Runs">How many: one, or one for each fold.</param>
/// <param name="Steps">Updates of a run.</param>
/// <param name="Batch">Videos or pairs of a step.</param>
/// <param name="Parameters">Trainable parameters.</param>
/// <param name="FlopsPerStep">Forward, backward and update, counted launch by launch.</param>
/// <param name="DeviceBytes">
/// All that the run allocates: weights with their bf16 copies, gradients, moments, activations, packed operands of products, input, and
/// the same of the validation. What the driver and its libraries take besides is not in it: code, and 32 MiB for matrix products.
/// </param>
/// <param name="DiskBytes">What a finished run leaves: two checkpoints with moments, and the first, the best and the last weights.</param>
public sealed record PlannedRuns(string Model, string Stage, int Runs, int Steps, int Batch, long Parameters, double FlopsPerStep, long DeviceBytes, long DiskBytes);

/// <summary>What <c>reproduce</c> would do, without doing it: every step is built on a device without memory and counted.</summary>
/// <param name="Runs">In order.</param>
/// <param name="TotalRuns">Their number.</param>
/// <param name="TotalFlops">Of all steps of all runs.</param>
/// <param name="TotalDiskBytes">Of all runs.</param>
/// <param name="Data">What was found in the data folder; null where data is to be made.</param>
public sealed record ReproductionPlan(IReadOnlyList<PlannedRuns> Runs, int TotalRuns, double TotalFlops, long TotalDiskBytes,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DataSurvey? Data = null)
{
    private const int BytesOnDiskPerParameter = (2 * 3 + 3) * sizeof(float);

    /// <summary>Counts the runs of one preset.</summary>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="models">Canonical names.</param>
    /// <param name="folds">Folds of each model; null for the preset's number.</param>
    /// <param name="overrides"><c>key=value</c> overrides of the preset.</param>
    /// <param name="packsProducts">Whether they run on the CPU, which has memory for packed operands of products.</param>
    public static ReproductionPlan Of(string preset, IReadOnlyList<string> models, int? folds, IReadOnlyList<string> overrides, bool packsProducts) =>
        Of(models.Select(model => Preset.Load(preset, model, overrides)), folds, packsProducts);

    /// <summary>Counts a reproduction, and looks at its data.</summary>
    /// <param name="options">The reproduction.</param>
    /// <param name="packsProducts">Whether it runs on the CPU, which has memory for packed operands of products.</param>
    public static ReproductionPlan Of(ReproductionOptions options, bool packsProducts)
    {
        var plan = Of(options.Models.Select(model =>
        {
            using var encoder = options.TextOf(model).OpenEncoder(model);
            return options.RunOf(model, options.OutputDirectory).LoadPreset(encoder);
        }), options.Folds, packsProducts);
        if (options.Data is null)
            return plan;
        return plan with { Data = DataSurvey.Of(new DataFolder(options.Data), options.Models.Select(options.TextOf), Preset.Load(options.Preset, options.Models[0], options.Overrides).Model.FrameWidth) };
    }

    private static ReproductionPlan Of(IEnumerable<Preset> models, int? folds, bool packsProducts)
    {
        PlannedRuns[] runs = [.. models.SelectMany(sizes => new[] { Count(sizes, pretraining: true, runs: 1, packsProducts), Count(sizes, pretraining: false, folds ?? sizes.Folds, packsProducts) })];
        return new ReproductionPlan(runs, runs.Sum(run => run.Runs), runs.Sum(run => run.Runs * run.Steps * run.FlopsPerStep), runs.Sum(run => run.Runs * run.DiskBytes));
    }

    /// <summary>Refuses a run that takes more memory than there is, before any is taken.</summary>
    /// <param name="device">Where it will train.</param>
    /// <param name="sizes">Model and recipes.</param>
    /// <param name="pretraining">Which stage.</param>
    /// <exception cref="DataException">It takes more; the message says how much.</exception>
    internal static void RequireMemory(Device device, Preset sizes, bool pretraining)
    {
        PlannedRuns run;
        try
        {
            run = Count(sizes, pretraining, runs: 1, device.PacksProducts);
        }
        catch (DataException e)
        {
            string stage = pretraining ? "pretrain" : "finetune";
            throw new DataException($"{sizes.Model.Model} with {stage}.batch={(pretraining ? sizes.Pretrain : sizes.Finetune).Batch}: {e.Message}", e);
        }
        if (run.DeviceBytes > device.MemoryBytes)
            throw new DataException(string.Create(CultureInfo.InvariantCulture,
                $"{run.Model} {run.Stage} with {run.Parameters:N0} parameters and steps of {run.Batch} takes {run.DeviceBytes:N0} bytes of memory; {device.Name} has {device.MemoryBytes:N0}"));
    }

    private static PlannedRuns Count(Preset sizes, bool pretraining, int runs, bool packsProducts)
    {
        using var device = new CountingDevice(packsProducts);
        using var built = new BuiltStep(device, sizes, pretraining);
        using var validation = new Embedder(device, built.Model, sizes.Model, scoresTags: pretraining);
        long parameters = built.Model.Parameters.Count;
        return new PlannedRuns(sizes.Model.Model, pretraining ? "pretrain" : "finetune", runs, built.Training.Steps, built.Training.Batch, parameters, built.Step.Cost.Flops,
            device.AllocatedBytes, BytesOnDiskPerParameter * parameters);
    }
}

/// <summary>JSON of plans.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ReproductionPlan))]
public sealed partial class PlanJson : JsonSerializerContext;
