using System.CommandLine;
using VideoSim.Models.Training;

namespace VideoSim.Cli.Commands;

/// <summary><c>pretrain</c>: training on single videos with tags.</summary>
internal static class PretrainCommand
{
    public static Command Create()
    {
        var options = new RunOptionSet("pretrain");
        var command = new Command("pretrain", "Train a model on single videos with tags. Weights start at random, those of the text encoder from --encoder if given.");
        options.AddTo(command);
        var json = CommonOptions.Json();
        command.Add(json);
        var text = new TextOptions();
        text.AddTo(command, options.ModelsOf);
        return command.Does((parsed, console, cancellation) =>
        {
            var run = options.Read(parsed, console.Progress);
            run = run with { Text = text.Read(parsed, run.Model) };
            using var device = options.OpenDevice(parsed, [run.OutputDirectory], console);
            text.NoteRandomWeights(parsed, run.Preset, console);
            double? spearman = Pretraining.Run(device, run, options.Data(parsed), console.Progress, cancellation);
            console.WriteMade(TrainingResult.Of(run, "pretrain", null, spearman), CliJson.Default.TrainingResult);
            return CommandLine.Done;
        }, json, resumes: static _ => true);
    }
}
