using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Recipes;

namespace VideoSim.Models.Training;

/// <summary>The args.json of the run that trained a model.</summary>
internal sealed class RunArguments
{
    /// <summary>Commands, as args.json names them.</summary>
    public const string Pretrain = "pretrain", Finetune = "finetune", Reproduce = "reproduce", Study = "reproduce --study claims";

    private RunArguments(string file, JsonObject all) => (File, All) = (file, all);

    /// <summary>Path of the file.</summary>
    public string File { get; }

    /// <summary>The input files of the run.</summary>
    public RunInputs Inputs => new(Path.GetDirectoryName(File)!);

    /// <summary>The arguments.</summary>
    public JsonObject All { get; }

    /// <summary>Reads the args.json of the run whose folder has a model's folder.</summary>
    /// <param name="modelFolder">The model's folder.</param>
    /// <returns>The arguments, or null if the model's folder is not in the folder of a run.</returns>
    /// <exception cref="DataException">The file cannot be read; the message names it.</exception>
    public static RunArguments? Find(string modelFolder)
    {
        string file = RunFolder.FileOfArguments(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(modelFolder))) ?? "");
        if (!System.IO.File.Exists(file))
            return null;
        return new RunArguments(file, JsonFile.ReadObject(file));
    }

    /// <summary>
    /// The fold of the run whose folder has a model's folder; null if it has none, or no args.json tells.
    /// </summary>
    public static int? FoldOf(string modelFolder)
    {
        try
        {
            return Find(modelFolder)?.All is { } all && IsOfRun(all) && all["fold"] is JsonValue fold && fold.TryGetValue(out int number) ? number : null;
        }
        catch (DataException)
        {
            return null; // an embedding does not depend on it
        }
    }

    /// <summary>
    /// Whether an object is the args.json of a run. Other programs write files of this name as well.
    /// </summary>
    public static bool IsOfRun(JsonObject arguments) => StageOf(arguments) is Pretrain or Finetune or Reproduce or Study
        && (arguments.ContainsKey(RunChange.Deleting) || (arguments.ContainsKey("preset") && arguments.ContainsKey("seed")));

    /// <summary>Number of steps of the run; null in the arguments of other work.</summary>
    public int? Steps => StepsOf(All);

    /// <summary>Number of steps in arguments; null in those of other work.</summary>
    public static int? StepsOf(JsonObject arguments) => StepsOf(arguments, StageOf(arguments));

    /// <summary>Number of steps in the recipe of a stage; null if there is none.</summary>
    public static int? StepsOf(JsonObject recipes, string? stage) => stage is not null && recipes[stage] is JsonObject recipe
        && recipe["steps"] is JsonValue steps && steps.TryGetValue(out int count) ? count : null;

    /// <summary>The command in arguments, which is the key of its recipe; null if they have none.</summary>
    public static string? StageOf(JsonObject arguments) => arguments["command"] is JsonValue command && command.TryGetValue(out string? stage) ? stage : null;

    /// <summary>Refuses recipes that no run of a model has.</summary>
    /// <param name="folder">A model of the run.</param>
    /// <exception cref="DataException">
    /// A key is unknown, or a value is not allowed; the message names file and key.
    /// </exception>
    public void RequireRecipes(ModelFolder folder)
    {
        try
        {
            Preset.LoadFor("reference", folder.Configuration, folder.FolderPath, [], All);
        }
        catch (DataException e)
        {
            throw new DataException($"{File}: {e.Message}", e);
        }
    }

    /// <summary>The value of one key.</summary>
    /// <exception cref="DataException">It is missing or has another type; the message names file and key.</exception>
    public T Get<T>(string key) => All[key] is JsonValue value && value.TryGetValue(out T? found) ? found
        : throw new DataException($"{File}: {key} is missing or has the wrong type");
}
