using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Inspection;
using VideoSim.Models.Recipes;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary><c>inspect</c>: the parts of a model, or all values of one step.</summary>
internal static class InspectCommand
{

    public static Command Create()
    {
        var model = CommonOptions.Model(required: false);
        var step = new Option<bool>("--step") { Description = "write a batch, its intermediate values, embeddings, losses and gradients to a file, without dropout" };
        var checkpoint = new Option<string>("--checkpoint") { HelpName = ValueName.Folder, Description = "with --step: a model folder; a run's folder stands for its last model" };
        var records = new Option<string>("--records") { HelpName = ValueName.File, Description = "with --step: a file of videos, a folder of them, or a pattern" };
        var labels = new Option<string?>("--labels") { HelpName = ValueName.File, Description = "with --step: a label file, for a batch of pairs" };
        var output = new Option<string>("--output") { HelpName = ValueName.File, Description = "with --step: the safetensors file to write" };
        var batch = CommonOptions.Positive("--batch", "with --step: videos or pairs of the batch", 4);
        var preset = CommonOptions.PresetName();
        var set = CommonOptions.Set(preset);
        var at = CommonOptions.Checked(
            new Option<long?>("--at") { Description = "with --step: use the batch of this step of the checkpoint's run, instead of the first records of --records" },
            static (number, _) =>
            {
                if (number <= 0)
                    throw new DataException($"--at {number}: steps are counted from 1");
            });
        var dictionary = new DictionaryOption();
        var threads = CommonOptions.Threads();
        var json = CommonOptions.Json();
        var command = new Command("inspect", "Show the parts of a model, or write all values of one step to a file.")
        {
            model, preset, set, json, step, checkpoint, records, labels, output, batch, at, dictionary.Option, threads,
        };
        command.Checks(result =>
        {
            bool ofRun = result.GetResult(at) is { Implicit: false };
            foreach (var option in new Option[] { records, labels, batch }.Where(option => ofRun && result.GetResult(option) is { Implicit: false }))
                result.AddError($"--at uses the run's own batch; leave out {option.Name}");
            if (result.GetValue(step) && result.GetResult(model) is { Implicit: false })
                result.AddError("--step uses the checkpoint's model; leave out --model");
            if (ofRun && result.GetValue(set)?.FirstOrDefault(static text => text.Contains(".batch=", StringComparison.Ordinal)) is { } resized)
                result.AddError($"--at uses the run's own batch; leave out --set {resized}");
            if (result.GetValue(step) && result.GetValue(output) is { } file && Path.GetExtension(file) != SafetensorsFormat.Extension)
                result.AddError($"--output {file}: the file's name must end in {SafetensorsFormat.Extension}");
            Option[] needed = !result.GetValue(step) ? [model] : ofRun ? [checkpoint, output] : [checkpoint, records, output];
            foreach (var option in needed.Where(option => result.GetResult(option) is null or { Implicit: true }))
                result.AddError(result.GetValue(step) ? $"--step needs {option.Name}" : $"inspect needs {option.Name}, or --step");
        });
        return command.Does((parsed, console, _) =>
        {
            if (parsed.GetValue(step))
            {
                string file = parsed.GetValue(output)!;
                AtomicFile.RequireWritable(file);
                string model = parsed.GetValue(checkpoint)!;
                CommonOptions.RequireFolder(checkpoint.Name, model, CommonOptions.FolderOfModel);
                string[] files = [.. parsed.GetValue(records) is { } pattern ? VideoFormats.Expand(pattern) : []];
                AtomicFile.RequireWritable(file, [.. files, .. ModelFolder.FilesOf(model), .. ModelFolder.FilesOf(Path.Combine(model, ModelFolder.LastOfRun)), .. dictionary.Files(parsed)]);
                using var device = CommonOptions.Open("cpu", parsed.GetValue(threads), console);
                StepDump.Write(device, new StepDumpOptions
                {
                    Checkpoint = model,
                    Records = files,
                    Labels = parsed.GetValue(labels),
                    Batch = parsed.GetValue(batch),
                    At = parsed.GetValue(at),
                    Overrides = [.. parsed.GetValue(set)!],
                    Dictionary = dictionary.Read(parsed),
                }, file, console.Progress);
                string what = parsed.GetValue(at) is { } number ? $"step {number} of the run" : $"a step of {parsed.GetValue(batch)} {(parsed.GetValue(labels) is null ? "videos" : "pairs")}";
                console.Progress.Note($"{file}: {what}, computed on {device.Name}");
                console.WriteMade(new StepResult(file, model, device.Name), CliJson.Default.StepResult);
                return CommandLine.Done;
            }
            var description = ModelDescription.Of(Preset.Load(parsed.GetValue(preset)!, ModelZoo.Canonical(parsed.GetValue(model)!), [.. parsed.GetValue(set)!]).Model);
            var table = new ResultTable().TextColumn("block").NumberColumn("parameters");
            foreach (var (block, count) in description.Blocks.Append(new("total", description.Total)))
                table.Row(block, count.ToString("N0", CultureInfo.InvariantCulture));
            console.WriteResult(table, description, DescriptionJson.Default.ModelDescription);
            return CommandLine.Done;
        }, json);
    }
}
