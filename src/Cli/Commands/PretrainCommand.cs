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
        var text = new TextOptions();
        text.AddTo(command, options.ModelsOf);
        return command.Does((parsed, console, cancellation) =>
        {
            var run = options.Read(parsed, console.Progress);
            using var device = options.OpenDevice(parsed);
            text.NoteRandomWeights(parsed, run.Preset, console);
            Pretraining.Run(device, run with { Text = text.Read(parsed, run.Model) }, options.Data(parsed), console.Progress, cancellation);
            return CommandLine.Done;
        }, resumes: true);
    }
}
