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

    private const string Steps = "steps", OnNan = "on_nan", PatienceKey = "early_stopping_patience";

    // They do not change the weights of any step.
    private static readonly string[] Free = ["log_every", "checkpoint_every", "save_total_limit"];

    private static readonly string[] Schedule = [Steps, "warmup", "encoder_warmup", "encoder_schedule_steps"];

    // The args.json of an older version lacks newer keys.
    private static readonly JsonObject Defaults = JsonSerializer.SerializeToNode(
        new TrainingConfig { Batch = 1, Steps = 1, EncoderScheduleSteps = 1 }, ConfigurationJson.Default.TrainingConfig)!.AsObject();

    /// <summary>Compares arguments.</summary>
    public static RunChange Of(JsonObject earlier, JsonObject now)
    {
        string? growth = null, patience = null;
        foreach (string key in Keys(earlier, now).Where(static key => key is not (Version or Grown or Deleting)))
        {
            if (earlier[key] is JsonObject old && now[key] is JsonObject recipe && RunArguments.StageOf(now) == key)
            {
                var change = OfRecipe(key, old, recipe);
                if (change.Refusal is not null)
                    return change;
                (growth, patience) = (change.Growth, change.Patience);
            }
            else if (Difference(key, Overrides(earlier[key]), Overrides(now[key])) is { } difference)
            {
                return new RunChange(difference, null, null);
            }
        }
        return new RunChange(null, growth, patience);
    }

    private static RunChange OfRecipe(string stage, JsonObject earlier, JsonObject now)
    {
        bool grows = Number(now) > Number(earlier);
        foreach (string key in Keys(earlier, now).Except([.. Free, PatienceKey]).Where(key => !grows || !Schedule.Contains(key)))
        {
            var (old, value) = (Old(key), now[key]);
            // Before the first value that is not finite, both are the same run.
            if (Difference($"{stage}.{key}", old, value) is { } difference && !(key == OnNan && value?.ToJsonString() == "\"rollback\""))
                return new RunChange(difference + (key == Steps && Number(now) < Number(earlier) ? "; a run can only get longer" : ""), null, null);
        }
        return new RunChange(null, grows ? Difference($"{stage}.{Steps}", earlier[Steps], now[Steps]) : null, Difference($"{stage}.{PatienceKey}", Old(PatienceKey), now[PatienceKey]));

        JsonNode? Old(string key) => earlier.ContainsKey(key) ? earlier[key] : Defaults[key];

        static double Number(JsonObject recipe) => recipe[Steps] is JsonValue value && value.TryGetValue(out double steps) ? steps : 0;
    }

    // The overrides of a reproduction, without those of free keys. Its runs compare the keys themselves.
    private static JsonNode? Overrides(JsonNode? value) => value is not JsonArray texts ? value
        : new JsonArray([.. texts.Select(static text => text?.ToString() ?? "").Where(static text => !Free.Any(key => IsOf(text, $"{key}=")) && !IsOf(text, $"{OnNan}=rollback")).Select(static text => (JsonNode)text)]);

    private static bool IsOf(string text, string assignment) => text.StartsWith($"pretrain.{assignment}", StringComparison.Ordinal) || text.StartsWith($"finetune.{assignment}", StringComparison.Ordinal);

    private static IEnumerable<string> Keys(JsonObject earlier, JsonObject now) => earlier.Select(static pair => pair.Key).Union(now.Select(static pair => pair.Key));

    private static string? Difference(string key, JsonNode? earlier, JsonNode? now)
    {
        if (earlier is not JsonObject left || now is not JsonObject right)
            return JsonNode.DeepEquals(earlier, now) ? null : $"{key} was {Text(earlier)} and is {Text(now)}";
        return Keys(left, right).Select(inner => Difference($"{key}.{inner}", left[inner], right[inner])).FirstOrDefault(static difference => difference is not null);
    }

    private static string Text(JsonNode? value) => value is null ? "absent" : Printable.OneLine(value.ToJsonString());
}
