using System.Globalization;
using VideoSim.Engine;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Recipes;

/// <summary>What a training command says about the steps of its stage beside keys.</summary>
/// <param name="Stage">pretrain or finetune.</param>
public sealed record StageSchedule(string Stage)
{
    /// <summary>Passes over the data, or null. The number of steps follows.</summary>
    public decimal? Epochs { get; init; }

    /// <summary>Number of samples of an epoch. Called if there are <see cref="Epochs"/>.</summary>
    public Func<int> Samples { get; init; } = static () => 0;

    /// <summary>Share of the steps that are warmup, or null.</summary>
    public decimal? WarmupRatio { get; init; }

    /// <summary>Receives one line for each value that follows from others.</summary>
    public Action<string> Note { get; init; } = static _ => { };

    /// <summary>
    /// Fits the schedules of a stage to its steps. If the steps are not those of the preset, the two warmups and the
    /// encoder's schedule grow or shrink with them, unless they are given.
    /// </summary>
    /// <param name="preset">The preset's recipe.</param>
    /// <param name="recipe">The recipe with the overrides.</param>
    /// <param name="isGiven">Whether an override has a key of the stage.</param>
    internal TrainingConfig Fit(TrainingConfig preset, TrainingConfig recipe, Func<string, bool> isGiven)
    {
        if (Epochs is { } epochs)
            recipe = recipe with { Steps = StepsOf(epochs, recipe) };
        if (recipe.Steps != preset.Steps)
            recipe = Follow(preset, recipe, isGiven);
        if (WarmupRatio is { } ratio)
        {
            int warmup = (int)Math.Min(Math.Ceiling(ratio * recipe.Steps), recipe.Steps - 1);
            recipe = recipe with { Warmup = warmup, EncoderWarmup = Math.Min(warmup, recipe.EncoderScheduleSteps - 1) };
            Note(Line($"{Stage}: a warmup of {ratio} of {recipe.Steps} updates: {Stage}.warmup is {recipe.Warmup}, {Stage}.encoder_warmup is {recipe.EncoderWarmup}"));
        }
        return recipe;
    }

    // As in Hugging Face's Trainer: a part of an epoch is rounded up to a whole update.
    private int StepsOf(decimal epochs, TrainingConfig recipe)
    {
        int batch = recipe.UpdateBatch, samples = Samples();
        decimal steps = Math.Max(1, Math.Ceiling(epochs * (samples / batch)));
        if (steps > int.MaxValue)
            throw new DataException(Line($"--num-train-epochs {epochs}: {samples} samples in updates of {batch} would be {steps} updates; at most {int.MaxValue} are possible"));
        Note(Line($"{Stage}: {epochs} epochs of {samples} samples in updates of {batch}: {Stage}.steps is {steps}"));
        return (int)steps;
    }

    private TrainingConfig Follow(TrainingConfig preset, TrainingConfig recipe, Func<string, bool> isGiven)
    {
        var followed = new List<string>();
        int schedule = Scaled("encoder_schedule_steps", preset.EncoderScheduleSteps, recipe.EncoderScheduleSteps, least: 1, most: int.MaxValue);
        int encoderWarmup = Scaled("encoder_warmup", preset.EncoderWarmup, recipe.EncoderWarmup, least: 0, most: schedule - 1);
        int warmup = Scaled("warmup", preset.Warmup, recipe.Warmup, least: 0, most: recipe.Steps - 1);
        if (followed.Count > 0)
            Note(Line($"{Stage}.steps is {recipe.Steps}, not {preset.Steps} as in the preset; these follow: {string.Join(", ", followed)}"));
        return recipe with { EncoderScheduleSteps = schedule, EncoderWarmup = encoderWarmup, Warmup = warmup };

        int Scaled(string key, int published, int given, int least, int most)
        {
            if (isGiven($"{Stage}.{key}") || (WarmupRatio is not null && key.EndsWith("warmup", StringComparison.Ordinal)))
                return given;
            int scaled = (int)Math.Clamp((2L * published * recipe.Steps + preset.Steps) / (2L * preset.Steps), least, most); // rounded
            if (scaled != published)
                followed.Add(Line($"{Stage}.{key}={scaled}"));
            return scaled;
        }
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
