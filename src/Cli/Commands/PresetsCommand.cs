using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VideoSim.Cli.Output;
using VideoSim.Models.Inspection;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary>A preset in the list.</summary>
internal sealed record PresetRow(string Preset, string For, int PretrainSteps, int PretrainBatch, int FinetuneSteps, int FinetuneBatch, int Folds, int EncoderLayers, int EncoderWidth, long Parameters);

/// <summary>A key of a preset.</summary>
internal sealed record KeyRow(string Key, JsonNode Value, string Unit, string Meaning, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Flag);

/// <summary>All keys of a preset.</summary>
internal sealed record PresetDescription(string Preset, string Model, IReadOnlyList<KeyRow> Keys);

/// <summary><c>presets</c>: the presets, all keys of one, and the JSON schema of the files of --config.</summary>
internal static class PresetsCommand
{
    public static Command Create()
    {
        var name = CommonOptions.CheckedArgument(new Argument<string?>("NAME") { CompletionSources = { Preset.Names.ToArray() }, Description = $"{string.Join(", ", Preset.Names)}; all of them in brief if left out", Arity = ArgumentArity.ZeroOrOne }, static name => Preset.RequireName(Preset.Canonical(name)));
        var model = CommonOptions.Model(required: false);
        model.DefaultValueFactory = static _ => ModelZoo.Names[0];
        var schema = new Option<bool>("--schema") { Description = "print the JSON schema of the files of --config, for editors" };
        var json = CommonOptions.Json();
        var command = new Command("presets", "List the presets, or every key of one with value, unit, meaning and the option that sets it.") { name, model, schema, json };
        command.Checks(result =>
        {
            if (result.GetValue(schema) && result.GetValue(name) is not null)
                result.AddError("--schema describes the files of all presets; leave out NAME");
        });
        return command.Does((parsed, console, _) =>
        {
            string chosen = ModelZoo.Canonical(parsed.GetValue(model)!);
            if (parsed.GetValue(schema))
                console.WriteResult(static output => output.WriteLine(ConfigSchema.Text()));
            else if (parsed.GetValue(name) is { } preset)
                WriteKeys(console, Preset.Canonical(preset), chosen);
            else
                WriteList(console, chosen);
            return CommandLine.Done;
        }, json);
    }

    private static void WriteKeys(CommandConsole console, string preset, string model)
    {
        var table = new ResultTable().TextColumn("key").TextColumn("value").TextColumn("unit").TextColumn("option").TextColumn("meaning");
        KeyRow[] rows = [.. PresetKeys.ValuesOf(Preset.Load(preset, model, [])).Select(static pair => new KeyRow(pair.Key.Path, pair.Value, pair.Key.Info.Unit, pair.Key.Info.Meaning, pair.Key.Info.Flag))];
        foreach (var row in rows)
            table.Row(row.Key, row.Value.ToString(), row.Unit, row.Flag ?? "", row.Meaning);
        console.WriteResult(table, new PresetDescription(preset, model, rows), CliJson.Default.PresetDescription);
    }

    private static void WriteList(CommandConsole console, string model)
    {
        var table = new ResultTable().TextColumn("preset").TextColumn("pretraining").TextColumn("finetuning").NumberColumn("folds").TextColumn("text encoder").NumberColumn("parameters").TextColumn("for");
        PresetRow[] rows = [.. Preset.Names.Select(name => Row(name, Preset.Load(name, model, [])))];
        foreach (var row in rows)
        {
            table.Row(row.Preset, $"{row.PretrainSteps} updates of {row.PretrainBatch}", $"{row.FinetuneSteps} updates of {row.FinetuneBatch}", row.Folds.ToString(CultureInfo.InvariantCulture),
                $"{row.EncoderLayers} layers of {row.EncoderWidth}", row.Parameters.ToString("N0", CultureInfo.InvariantCulture), row.For);
        }
        console.WriteResult(table, rows, CliJson.Default.IReadOnlyListPresetRow);
    }

    private static PresetRow Row(string name, Preset preset) => new(name, Preset.PurposeOf(name), preset.Pretrain.Steps, preset.Pretrain.Batch, preset.Finetune.Steps, preset.Finetune.Batch, preset.Folds,
        preset.Model.Encoder.NumHiddenLayers, preset.Model.Encoder.HiddenSize, ModelDescription.Of(preset.Model).Total);
}
