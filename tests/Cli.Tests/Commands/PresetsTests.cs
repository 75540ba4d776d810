using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VideoSim.Cli.Commands;
using VideoSim.Models.Configuration;
using VideoSim.Models.Recipes;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>presets</c>, the schema of --config, and the table of flags in docs/training.md.</summary>
[Collection(nameof(CommandTests))]
public sealed partial class PresetsTests
{
    private static readonly string Docs = Path.Combine(Repository.Root, "docs");

    [Fact]
    public void Presets_WithoutAName_AreAllInBrief()
    {
        string text = Shell.Run("presets").AssertDone().Output;
        var rows = JsonNode.Parse(Shell.Run("presets", "--json").AssertDone().Output)!.AsArray();
        Assert.Equal(Preset.Names, rows.Select(static row => (string)row!["preset"]!));
        Assert.All(rows, row => Assert.Contains(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{(long)row!["parameters"]!:N0}"), text, StringComparison.Ordinal));
        Assert.Equal((60_000, 256, 4000, 128, 11), rows[2] is var row ? ((int)row!["pretrain_steps"]!, (int)row["pretrain_batch"]!, (int)row["finetune_steps"]!, (int)row["finetune_batch"]!, (int)row["folds"]!) : default);
        Assert.Equal(3000, (int)JsonNode.Parse(Shell.Run("presets", "--json", "--model", "uniter").AssertDone().Output)![2]!["finetune_steps"]!);
    }

    [Fact]
    public void Presets_InCapitals_AreTheSame()
    {
        foreach (string command in new[] { "presets {0}", "inspect --model mix --preset {0}", "kernels list --preset {0}" })
        {
            Assert.Equal(Shell.Run(string.Format(System.Globalization.CultureInfo.InvariantCulture, command, "micro").Split(' ')).AssertDone().Output,
                Shell.Run(string.Format(System.Globalization.CultureInfo.InvariantCulture, command, "MICRO").Split(' ')).AssertDone().Output);
        }
    }

    [Theory]
    [InlineData("micro", "mix")]
    [InlineData("reference", "uniter-roformer")]
    public void Presets_OfAName_AreAllKeysWithTheirValues(string preset, string model)
    {
        string text = Shell.Run("presets", preset, "--model", model).AssertDone().Output;
        var keys = JsonNode.Parse(Shell.Run("presets", preset, "--model", model, "--json").AssertDone().Output)!["keys"]!.AsArray();
        Assert.Equal(PresetKeys.ValuesOf(Preset.Load(preset, model, [])).Select(static pair => (pair.Key.Path, pair.Value.ToJsonString(), pair.Key.Info.Unit, pair.Key.Info.Meaning, pair.Key.Info.Flag)),
            keys.Select(static key => ((string)key!["key"]!, key["value"]!.ToJsonString(), (string)key["unit"]!, (string)key["meaning"]!, (string?)key["flag"])));
        Assert.All(keys, key => Assert.Matches($@"(?m)^\| {Regex.Escape((string)key!["key"]!)} +\| {Regex.Escape(key["value"]!.ToString())} +\|", text));
        // The value that is shown is one that --set takes.
        foreach (var key in keys.Where(static key => (string)key!["key"]! != "model.model"))
            Preset.Load(preset, model, [$"{key!["key"]}={key["value"]}"]);
    }

    [Fact]
    public void Presets_Mistakes_AreNamed()
    {
        Shell.Run("presets", "tinny").AssertFailed(2, "there is no preset 'tinny'; presets: micro, tiny, reference; did you mean 'tiny'?");
        Shell.Run("presets", "tiny", "--model", "mixx").AssertFailed(2, "there is no model 'mixx'", "did you mean 'mix'?");
        Shell.Run("presets", "tiny", "--schema").AssertFailed(2, "--schema describes the files of all presets; leave out NAME");
    }

    // To write it again: videosim presets --schema > docs/config.schema.json
    [Fact]
    public void Schema_InTheRepository_IsTheProgramsOwn() => Assert.Equal(File.ReadAllText(Path.Combine(Docs, "config.schema.json")), Shell.Run("presets", "--schema").AssertDone().Output);

    // Every option of the two commands has a row, and every row is an option. The key of a row is that of the option.
    [Fact]
    public void Training_Page_HasEveryOptionAndItsKey()
    {
        var rows = Row().Matches(File.ReadAllText(Path.Combine(Docs, "training.md"))).ToDictionary(static match => match.Groups[1].Value, static match => match.Groups[2].Value);
        string[] options = [.. PretrainCommand.Create().Options.Concat(FinetuneCommand.Create().Options).Where(static option => !option.Hidden).Select(static option => option.Name).Distinct()];
        Assert.Equal(options.Order(StringComparer.Ordinal), rows.Keys.Order(StringComparer.Ordinal));
        foreach (var flag in ConfigKeys.Training.Where(static key => key.Flag is not null).GroupBy(static key => key.Flag!))
            Assert.All(flag, key => Assert.Contains($"`{key.Name}`", rows[flag.Key], StringComparison.Ordinal));
    }

    [GeneratedRegex(@"^\| `(--[a-z-]+)[^`]*` \| [^|]* \| [^|]* \| (.*) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
