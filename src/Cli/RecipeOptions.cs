using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Configuration;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Training;

namespace VideoSim.Cli;

/// <summary>The values of <see cref="RecipeOptions"/>.</summary>
/// <param name="Preset">Name of the preset.</param>
/// <param name="Seed">Key of all random numbers.</param>
/// <param name="Overrides">Keys of the file, then those of --set, then those of options of their own.</param>
/// <param name="Epochs">Passes over the data, or null.</param>
/// <param name="WarmupRatio">Share of the steps that are warmup, or null.</param>
internal sealed record Recipe(string Preset, ulong Seed, IReadOnlyList<Override> Overrides, decimal? Epochs, decimal? WarmupRatio);

/// <summary>
/// The options that choose and change a recipe: --preset, --config, --set, and an option for every key that has one.
/// An option counts before --set, --set before the file, and the file before the preset.
/// </summary>
internal sealed class RecipeOptions
{
    private const string EpochsName = "--num-train-epochs", RatioName = "--warmup-ratio", StepsName = "--max-steps", WarmupName = "--warmup-steps", PrecisionName = "--precision";

    private readonly string? _stage;
    private readonly Option<string> _preset = CommonOptions.PresetName();
    private readonly Option<ulong> _seed = CommonOptions.Seed();
    private readonly Option<string?> _config = new("--config") { Description = "JSON file with keys of the preset, as --set takes them; also \"preset\" and \"seed\"", HelpName = ValueName.File };
    private readonly Option<string[]> _set = CommonOptions.Set();
    private readonly Option<string?>[] _flags;

    /// <summary>Makes the options.</summary>
    /// <param name="stage">The only stage of the command, or null. Then options of a stage are refused.</param>
    public RecipeOptions(string? stage)
    {
        _stage = stage;
        _flags = [.. ConfigKeys.Training.Where(static key => key.Flag is not null and not PrecisionName).GroupBy(static key => key.Flag!)
            .Select(same => Flag(same.Key, same.Count() > 1 ? "updates until the rates of encoder and all else peak" : same.First().Meaning, same.First().Range is null ? string.Join("|", same.First().Choices) : "N")),
            Flag(EpochsName, "passes over the data, instead of --max-steps; may be a fraction", "N"), Flag(RatioName, "share of the updates until the rates peak, instead of --warmup-steps", "N")];
    }

    /// <summary>Adds the options, and a check that their values fit the recipes of the command's models.</summary>
    public void AddTo(Command command, Func<SymbolResult, IEnumerable<string>> models)
    {
        foreach (var option in (Option[])[_preset, _config, _set, _seed, .. _flags])
            command.Add(option);
        command.Checks(result =>
        {
            RefuseOfBothStages(result);
            // A file is an input. Its errors are those of the work, and not of usage.
            if (result.GetValue(_config) is null)
                Check(Read(result, IProgressSink.None), models(result));
        });
    }

    /// <summary>Reads the values.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="models">Canonical names of the command's models.</param>
    /// <param name="progress">Receives a line for each value that is not used.</param>
    /// <exception cref="DataException">The file is not valid, or its values do not fit a recipe.</exception>
    public Recipe Read(ParseResult parsed, IEnumerable<string> models, IProgressSink progress)
    {
        var recipe = Read(parsed.CommandResult, progress);
        if (parsed.GetValue(_config) is not null)
            Check(recipe, models);
        return recipe;
    }

    /// <summary>The file of --config, as a list of at most one file.</summary>
    public IEnumerable<InputFile> Files(ParseResult parsed) => CommonOptions.InputsOf(parsed, _config);

    private Recipe Read(CommandResult result, IProgressSink progress)
    {
        var file = result.GetValue(_config) is { } path ? ConfigFile.Read(path) : new ConfigFile(null, null, []);
        var overrides = new List<Override>([.. file.Overrides, .. result.GetValue(_set) ?? []]);
        foreach (var key in ConfigKeys.Training.Where(_ => _stage is not null))
        {
            if (_flags.FirstOrDefault(flag => flag.Name == key.Flag) is { } flag && result.GetValue(flag) is { } value)
                overrides.Add(Override.OfOption(flag.Name, $"{_stage}.{key.Name}", value));
        }
        foreach (string line in Override.Replaced(overrides))
            progress.Note(line);
        NoteOtherStage(overrides, progress);
        var (preset, seed) = (GivenValue(_preset), GivenValue(_seed));
        NoteReplaced(_preset.Name, preset, ConfigFile.PresetField, file.Preset);
        NoteReplaced(_seed.Name, seed, ConfigFile.SeedField, file.Seed?.ToString(CultureInfo.InvariantCulture));
        return new Recipe(
            preset ?? file.Preset ?? Preset.DefaultName, seed is not null ? result.GetValue(_seed) : file.Seed ?? Preset.DefaultSeed, overrides,
            Number(EpochsName, new ValueRange(0, 1e6, IsLeastOpen: true), StepsName, ["steps"]), Number(RatioName, ValueRange.Probability, WarmupName, ["warmup", "encoder_warmup"]));

        // The value of an option that is on the command line, or null.
        string? GivenValue<T>(Option<T> option) => IsGiven(result, option) ? Convert.ToString(result.GetValue(option), CultureInfo.InvariantCulture) : null;

        void NoteReplaced(string option, string? value, string field, string? ofFile)
        {
            if (value is not null && ofFile is not null && value != ofFile)
                progress.Note(Printable.Whole($"{option} {value} is used, not {result.GetValue(_config)}: {field}={ofFile}"));
        }

        // The value of an option that stands for keys; null if the option for the keys themselves is given.
        decimal? Number(string name, ValueRange range, string stronger, string[] keys)
        {
            if (ValueOf(result, name) is not { } text)
                return null;
            if (!decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number))
                throw new DataException(double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _) ? $"{name}: {Printable.OneLine(text)} is not a number that fits" : $"{name} takes a number, not \"{Printable.OneLine(text)}\"");
            if (!range.Contains((double)number))
                throw new DataException($"{name} must be {range}, not {Printable.OneLine(text)}");
            if (ValueOf(result, stronger) is { } value)
            {
                progress.Note(Printable.OneLine($"{stronger} {value} is used, not {name} {text}"));
                return null;
            }
            foreach (var other in overrides.Where(one => keys.Any(key => one.Key == $"{_stage}.{key}")))
                progress.Note(Printable.OneLine($"{name} {text} is used, not {other.Subject}={other.Text}"));
            return number;
        }
    }

    // Without the data, epochs are no steps yet: then the steps of the preset are checked.
    private static void Check(Recipe recipe, IEnumerable<string> models)
    {
        foreach (string model in models)
            Preset.Load(recipe.Preset, model, recipe.Overrides);
    }

    // A file may serve both stages. A key on the command line was meant for this command.
    private void NoteOtherStage(List<Override> overrides, IProgressSink progress)
    {
        string other = _stage == "pretrain" ? "finetune" : "pretrain";
        string[] keys = _stage is null ? [] : [.. overrides.Where(one => one.Source == Override.SetOption && one.Key.StartsWith($"{other}.", StringComparison.Ordinal)).Select(static one => one.Key).Distinct()];
        if (keys.Length > 0)
            progress.Note(Printable.Whole($"--set {string.Join(", ", keys)}: has no effect, because this command is {_stage}, not {other}"));
    }

    private void RefuseOfBothStages(CommandResult result)
    {
        if (_stage is not null)
            return;
        foreach (var flag in _flags)
        {
            if (result.GetValue(flag) is not { } text)
                continue;
            string[] keys = flag.Name switch
            {
                EpochsName => ["steps"],
                RatioName => ["warmup", "encoder_warmup"],
                _ => [.. ConfigKeys.Training.Where(key => key.Flag == flag.Name).Select(static key => key.Name)],
            };
            string value = flag.Name is EpochsName or RatioName ? "N" : Printable.OneLine(text);
            throw new DataException($"{flag.Name}: both stages have {string.Join(" and ", keys)}; use {string.Join(" ", from stage in new[] { "pretrain", "finetune" } from key in keys select $"--set {stage}.{key}={value}")}");
        }
    }

    private string? ValueOf(CommandResult result, string name) => result.GetValue(_flags.First(flag => flag.Name == name));

    private static bool IsGiven(CommandResult result, Option option) => result.GetResult(option) is { Implicit: false };

    private Option<string?> Flag(string name, string description, string value) => new(name) { Description = description, HelpName = value, Hidden = _stage is null };
}
