using System.CommandLine;
using VideoSim.Models.Checkpoints;

namespace VideoSim.Cli.Commands;

/// <summary><c>convert</c>: a published encoder of any container as a folder with safetensors.</summary>
internal static class ConvertCommand
{
    public static Command Create()
    {
        var source = new Argument<string>("source") { Description = "a folder of Hugging Face with config.json, vocab.txt and weights as safetensors, pytorch_model.bin or tf_model.h5" };
        var target = new Argument<string>("target") { Description = "the folder to write; it must be new or empty" };
        return new Command("convert", "Convert a published text encoder to a folder with safetensors in float32.") { source, target }.Does((parsed, console, cancellation) =>
        {
            EncoderConversion.Run(parsed.GetValue(source)!, parsed.GetValue(target)!, Hdf5Support.Open, console.Progress, cancellation);
            return CommandLine.Done;
        });
    }
}
