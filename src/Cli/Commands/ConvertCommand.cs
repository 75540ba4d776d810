using System.CommandLine;
using VideoSim.Models.Checkpoints;

namespace VideoSim.Cli.Commands;

/// <summary><c>convert</c>: a published encoder of any container as a folder with safetensors.</summary>
internal static class ConvertCommand
{
    public static Command Create()
    {
        var source = new Argument<string>("source") { HelpName = "SOURCE_DIR", Description = "a folder of Hugging Face with config.json, vocab.txt and weights as safetensors, pytorch_model.bin or tf_model.h5" };
        var target = new Argument<string>("target") { HelpName = "TARGET_DIR", Description = "the folder to write; it must be new or empty" };
        var json = CommonOptions.Json();
        return new Command("convert", "Convert a published text encoder to a folder with safetensors in float32.") { source, target, json }.Does((parsed, console, cancellation) =>
        {
            var result = EncoderConversion.Run(parsed.GetValue(source)!, parsed.GetValue(target)!, Hdf5Support.Open, console.Progress, cancellation);
            console.WriteMade(result, CliJson.Default.ConversionResult);
            return CommandLine.Done;
        }, json);
    }
}
