using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Models.Recipes;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// The runs of <c>reproduce</c>, counted but not run: every step is built on a device without memory.
/// </summary>
/// <param name="Runs">The runs, in order.</param>
/// <param name="TotalRuns">Their number.</param>
/// <param name="TotalFlops">Floating-point operations of all steps of all runs.</param>
/// <param name="TotalDiskBytes">Disk space of all runs.</param>
/// <param name="Data">Survey of the data folder; null if the data will be made.</param>
public sealed record ReproductionPlan(IReadOnlyList<PlannedRuns> Runs, int TotalRuns, double TotalFlops, long TotalDiskBytes,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DataSurvey? Data = null)
{
    /// <summary>Counts the runs of one preset.</summary>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="models">Canonical names.</param>
    /// <param name="folds">Folds of each model; null for the preset's number.</param>
    /// <param name="overrides">Values that replace those of the preset.</param>
    /// <param name="packsProducts">True for the CPU, which needs memory for packed operands of products.</param>
    public static ReproductionPlan Of(string preset, IReadOnlyList<string> models, int? folds, IReadOnlyList<Override> overrides, bool packsProducts) =>
        Of(models.Select(model => Preset.Load(preset, model, overrides)), folds, packsProducts);

    /// <summary>Counts a reproduction and surveys its data.</summary>
    /// <param name="options">The reproduction.</param>
    /// <param name="packsProducts">True for the CPU, which needs memory for packed operands of products.</param>
    public static ReproductionPlan Of(ReproductionOptions options, bool packsProducts)
    {
        var presets = PresetsOf(options);
        var plan = Of(presets, options.Folds, packsProducts);
        return options.Data is null ? plan : plan with { Data = DataSurvey.Of(options.DataFolder, options.Models.Select(options.TextOf), presets) };
    }

    /// <summary>The runs of a reproduction, without a survey of its data.</summary>
    internal static IReadOnlyList<PlannedRuns> RunsOf(ReproductionOptions options, bool packsProducts) => Of(PresetsOf(options), options.Folds, packsProducts).Runs;

    private static Preset[] PresetsOf(ReproductionOptions options)
    {
        int? width = options.Data is null ? null : WidthOf(options.DataFolder);
        return [.. options.Models.Select(model =>
        {
            using var encoder = options.TextOf(model).OpenEncoder(model);
            return options.RunOf(model, options.OutputDirectory).LoadPreset(encoder, width);
        })];
    }

    private static int? WidthOf(DataFolder data)
    {
        try
        {
            return FrameWidths.Find(data.Format, data.Pointwise)?.Width;
        }
        catch (DataException)
        {
            return null; // the survey reports the problem
        }
    }

    private static ReproductionPlan Of(IEnumerable<Preset> models, int? folds, bool packsProducts)
    {
        PlannedRuns[] runs = [.. models.SelectMany(sizes => new[]
        {
            PlannedRuns.Count(sizes, pretraining: true, runs: 1, packsProducts), PlannedRuns.Count(sizes, pretraining: false, folds ?? sizes.Folds, packsProducts),
        })];
        return new ReproductionPlan(runs, runs.Sum(run => run.Runs), runs.Sum(run => run.Runs * run.Steps * run.FlopsPerStep), runs.Sum(run => run.Runs * run.DiskBytes));
    }
}

/// <summary>JSON of plans.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ReproductionPlan))]
[JsonSerializable(typeof(PartsPlan))]
public sealed partial class PlanJson : JsonSerializerContext;
