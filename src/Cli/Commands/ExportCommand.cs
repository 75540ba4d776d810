using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Onnx;

namespace VideoSim.Cli.Commands;

/// <summary><c>export</c>: a model as a file for other programs.</summary>
internal static class ExportCommand
{
    private const string Ending = ".onnx";

    public static Command Create()
    {
        var checkpoint = CommonOptions.TrainedModel();
        var onnx = CommonOptions.Checked(
            new Option<string>("--onnx") { HelpName = ValueName.File, Description = "file to write: the network from frames and token ids to the embedding", Required = true },
            static (file, _) =>
            {
                if (Path.GetExtension(file) != Ending)
                    throw new DataException($"--onnx {file}: the file's name must end in {Ending}");
            });
        var dictionary = new DictionaryOption();
        var json = CommonOptions.Json();
        return new Command("export", "Write the embedding network of a model as an ONNX file.") { checkpoint, onnx, dictionary.Option, json }.Does((parsed, console, _) =>
        {
            string file = parsed.GetValue(onnx)!;
            AtomicFile.RequireWritable(file);
            var folder = CommonOptions.OpenTrained(parsed.GetValue(checkpoint)!, dictionary.Read(parsed), console);
            AtomicFile.RequireWritable(file, [.. folder.Files, .. dictionary.Files(parsed)]);
            var network = new OnnxModel(folder.Configuration);
            using var device = new CpuDevice(threads: 1);
            var model = folder.Load(device, training: false);
            using var parameters = model.Parameters;
            network.Write(file, parameters);
            console.Progress.Note(string.Create(CultureInfo.InvariantCulture, $"{file}: embedding network of {folder.Configuration.Model}, {network.WeightBytes / 1e6:N1} MB of weights"));
            console.WriteMade(new ExportResult(file, folder.Configuration.Model, folder.FolderPath, network.WeightBytes), CliJson.Default.ExportResult);
            return CommandLine.Done;
        }, json);
    }
}
