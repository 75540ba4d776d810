using System.Text.Json.Nodes;
using VideoSim.Engine;

namespace VideoSim.Models.Training;

/// <summary>
/// The recipes that a run had before, in its args.json: a list of entries, each a recipe and the step at which the
/// next one begins.
/// </summary>
internal static class RunHistory
{
    // The step in an entry.
    private const string From = "from";

    /// <summary>Refuses arguments whose list is damaged.</summary>
    /// <param name="folder">Folder of the run, for the message.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <exception cref="DataException">An entry is not a recipe with a step; the message names the file.</exception>
    public static void Require(string folder, JsonObject arguments)
    {
        foreach (var entry in arguments[RunChange.Grown] switch { null => [], JsonArray list => list, _ => throw Wrong() })
        {
            if (entry is not JsonObject recipe || recipe[From] is not JsonValue value || !value.TryGetValue(out long from) || from <= 0
                || RunArguments.StepsOf(recipe, RunArguments.StageOf(arguments)) is null)
            {
                throw Wrong();
            }
        }

        DataException Wrong() => new($"{RunFolder.FileOfArguments(folder)}: {RunChange.Grown} is not a list of recipes, each with a step '{From}'");
    }

    /// <summary>Gives new arguments of a run the list of the earlier ones.</summary>
    public static void Copy(JsonObject earlier, JsonObject arguments)
    {
        if (earlier[RunChange.Grown] is { } list)
            arguments[RunChange.Grown] = list.DeepClone();
    }

    /// <summary>
    /// Adds the recipe of the earlier arguments to the list, unless a recipe ends at that step already.
    /// </summary>
    /// <param name="earlier">The earlier arguments.</param>
    /// <param name="arguments">The new ones.</param>
    /// <param name="from">The step at which the new recipe begins.</param>
    public static void Add(JsonObject earlier, JsonObject arguments, long from)
    {
        if (LastStep(arguments) == from)
            return;
        if (arguments[RunChange.Grown] is not JsonArray list)
            arguments[RunChange.Grown] = list = [];
        string stage = RunArguments.StageOf(earlier)!;
        list.Add((JsonNode)new JsonObject { [From] = from, [stage] = earlier[stage]?.DeepClone() });
    }

    /// <summary>The step at which the present recipe begins; 0 for a run with one recipe.</summary>
    public static long LastStep(JsonObject arguments) => Entries(arguments).Select(StepOf).LastOrDefault();

    /// <summary>The steps at which recipes of fewer steps ended, and their numbers of steps.</summary>
    public static IReadOnlyList<(long Step, int? Steps)> EarlierRecipes(JsonObject arguments) =>
        [.. Entries(arguments).Select(entry => (StepOf(entry), Steps: StepsOf(arguments, entry))).Where(earlier => earlier.Steps != RunArguments.StepsOf(arguments))];

    /// <summary>What a note says about the change to the present recipe; null if there was no other.</summary>
    public static string? Describe(JsonObject arguments)
    {
        if (Entries(arguments).LastOrDefault() is not { } last)
            return null;
        int? steps = RunArguments.StepsOf(arguments);
        return StepsOf(arguments, last) == steps ? $"has another patience from step {StepOf(last)} on; validations without a gain count from 0 there"
            : $"trains further, from step {StepOf(last)} to step {steps}, with the learning rates of a run of {steps} steps; this is not the run of {steps} steps from the start";
    }

    private static IEnumerable<JsonObject> Entries(JsonObject arguments) => (arguments[RunChange.Grown] as JsonArray ?? []).OfType<JsonObject>();

    private static long StepOf(JsonObject entry) => (long)entry[From]!;

    private static int? StepsOf(JsonObject arguments, JsonObject entry) => RunArguments.StepsOf(entry, RunArguments.StageOf(arguments));
}
