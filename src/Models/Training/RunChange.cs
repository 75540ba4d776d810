using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Training;

/// <summary>The difference between the arguments of a run and those of a command that is to continue it.</summary>
/// <param name="Refusal">The first difference that changes results; null if there is none.</param>
/// <param name="Growth">The difference of the steps, if they grow; null otherwise.</param>
/// <param name="Patience">The difference of the patience of early stopping; null if there is none.</param>
internal sealed record RunChange(string? Refusal, string? Growth, string? Patience)
{
    /// <summary>Keys of args.json that are not arguments.</summary>
    public const string Version = "version", Grown = "grown", Deleting = "deleting";

    private const string Steps = "steps", OnNan = "on_nan", PatienceKey = "early_stopping_patience", SetOfReproduction = "set";

    // They do not change the weights of any step.
    private static readonly string[] Free = ["log_every", "checkpoint_every", "save_total_limit"];

    // Log lines and checkpoints find a value that is not finite, and a rollback goes to a checkpoint.
    private static readonly string[] FreeWithRollback = ["save_total_limit"];

    private static readonly string[] Schedule = [Steps, "warmup", "encoder_warmup", "encoder_schedule_steps"];

    // The args.json of an older version lacks newer keys.
    private static readonly JsonObject Defaults = JsonSerializer.SerializeToNode(
        new TrainingConfig { Batch = 1, Steps = 1, EncoderScheduleSteps = 1 }, ConfigurationJson.Default.TrainingConfig)!.AsObject();

    /// <summary>Compares arguments.</summary>
    public static RunChange Of(JsonObject earlier, JsonObject now)
    {
        string? stage = RunArguments.StageOf(now), growth = null, patience = null;
        foreach (string key in Keys(earlier, now).Except([Version, Grown, Deleting]))
        {
            string? difference;
            if (key == stage && earlier[key] is JsonObject oldRecipe && now[key] is JsonObject recipe)
            {
                difference = OfRecipe(stage, oldRecipe, recipe);
                patience = Difference($"{stage}.{PatienceKey}", Value(oldRecipe, PatienceKey), recipe[PatienceKey]);
                if (StepsOf(recipe) > StepsOf(oldRecipe))
                    growth = Difference($"{stage}.{Steps}", oldRecipe[Steps], recipe[Steps]);
            }
            else if (key == SetOfReproduction)
            {
                difference = Difference(key, Overrides(earlier[key]), Overrides(now[key]));
            }
            else
            {
                difference = Difference(key, earlier[key], now[key]);
            }
            if (difference is not null)
                return new RunChange(difference, null, null);
        }
        return new RunChange(null, growth, patience);
    }

    private static string? OfRecipe(string stage, JsonObject earlier, JsonObject now)
    {
        bool rollsBack = IsRollback(now[OnNan]), grows = StepsOf(now) > StepsOf(earlier), shrinks = StepsOf(now) < StepsOf(earlier);
        var compared = Keys(earlier, now).Except(rollsBack ? FreeWithRollback : Free).Except([PatienceKey]);
        if (grows)
            compared = compared.Except(Schedule);
        // Before the first value that is not finite, a run that stops there and one that rolls back are the same.
        if (rollsBack)
            compared = compared.Except([OnNan]);
        foreach (string key in compared)
        {
            if (Difference($"{stage}.{key}", Value(earlier, key), now[key]) is { } difference)
                return key == Steps && shrinks ? $"{difference}; a run can only get longer" : difference;
        }
        return null;
    }

    private static JsonNode? Value(JsonObject earlier, string key) => earlier.ContainsKey(key) ? earlier[key] : Defaults[key];

    private static double StepsOf(JsonObject recipe) => recipe[Steps] is JsonValue value && value.TryGetValue(out double steps) ? steps : 0;

    private static bool IsRollback(JsonNode? value) => value is JsonValue text && text.TryGetValue(out string? name) && name == TrainingConfig.Rollback;

    // The overrides of a reproduction, texts key=value, as an object. Those of free keys are left out: the runs of the
    // reproduction compare them.
    private static JsonObject Overrides(JsonNode? set)
    {
        var overrides = new JsonObject();
        foreach (string text in (set as JsonArray ?? []).Select(static text => text?.ToString() ?? ""))
        {
            string[] parts = text.Split('=', 2);
            var (key, value) = (parts[0], parts[^1]);
            string name = key[(key.IndexOf('.', StringComparison.Ordinal) + 1)..];
            bool isOfStage = key.StartsWith($"{RunArguments.Pretrain}.", StringComparison.Ordinal) || key.StartsWith($"{RunArguments.Finetune}.", StringComparison.Ordinal);
            if (!isOfStage || !(Free.Contains(name) || (name == OnNan && value == TrainingConfig.Rollback)))
                overrides[key] = value;
        }
        return overrides;
    }

    private static IEnumerable<string> Keys(JsonObject earlier, JsonObject now) => earlier.Select(static pair => pair.Key).Union(now.Select(static pair => pair.Key));

    private static string? Difference(string key, JsonNode? earlier, JsonNode? now)
    {
        if (earlier is JsonObject left && now is JsonObject right)
            return Keys(left, right).Select(inner => Difference($"{key}.{inner}", left[inner], right[inner])).FirstOrDefault(static difference => difference is not null);
        if (JsonNode.DeepEquals(earlier, now))
            return null;
        var (was, becomes) = (Text(earlier, Printable.OneLine), Text(now, Printable.OneLine));
        // Long texts can differ after the place where they are cut.
        string name = Printable.OneLine(key);
        return was != becomes ? $"{name} was {was} and is {becomes}" : $"{name} was {Text(earlier, Printable.Whole)} and is {Text(now, Printable.Whole)}";
    }

    private static string Text(JsonNode? value, Func<string, string> print) => value is null ? "absent" : print(value.ToJsonString());
}
