using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Exports;
using VideoSim.Models.Search;
using VideoSim.Models.Training;
using VideoSim.Onnx;

namespace VideoSim.Cli.Commands;

/// <summary><c>export</c>: a model or embeddings as a file for other programs.</summary>
internal static class ExportCommand
{
    private const string Ending = ".onnx";

    public static Command Create()
    {
        var checkpoint = CommonOptions.TrainedModel();
        (checkpoint.Required, checkpoint.Description) = (false, "with --onnx: the model folder; a run's folder stands for its best model, or the last if it has no best");
        var onnx = CommonOptions.Checked(
            new Option<string?>("--onnx") { HelpName = ValueName.File, Description = "file to write: the network from frames and token ids to the embedding" },
            static (file, _) =>
            {
                if (file is not null && Path.GetExtension(file) != Ending)
                    throw new DataException($"--onnx {file}: the file's name must end in {Ending}");
            });
        var dictionary = new DictionaryOption();
        var embeddings = new EmbeddingsOptions();
        var format = CommonOptions.Checked(
            new Option<string?>("--format") { HelpName = string.Join('|', EmbeddingExport.Formats), CompletionSources = { EmbeddingExport.Formats.ToArray() }, Description = "what the embeddings are written as" },
            static (name, _) => CommonOptions.RequireOneOf("--format", name, EmbeddingExport.Formats));
        var output = new Option<string?>("--output") { HelpName = ValueName.File, Description = "with --format: the file to write" };
        var records = CommonOptions.Records("with --format: add titles from files of videos, folders of them, or patterns");
        var json = CommonOptions.Json();
        var command = new Command("export", "Write the embedding network of a model as an ONNX file, or embeddings as a file for another program.")
        {
            checkpoint, onnx, dictionary.Option, embeddings.File, embeddings.Index, format, output, records, json,
        };
        command.Checks(result =>
        {
            bool isModel = IsGiven(checkpoint, onnx, dictionary.Option), isEmbeddings = IsGiven(embeddings.File, embeddings.Index, format, output, records);
            if (isModel == isEmbeddings)
                result.AddError("export needs either --checkpoint and --onnx, or embeddings, --format and --output");
            else if (isModel && !(IsGiven(checkpoint) && IsGiven(onnx)))
                result.AddError("--checkpoint and --onnx belong together");
            else if (isEmbeddings && IsGiven(embeddings.File) == IsGiven(embeddings.Index))
                result.AddError("export --format needs either --embeddings or --index");
            else if (isEmbeddings && !(IsGiven(format) && IsGiven(output)))
                result.AddError("--format and --output belong together");

            bool IsGiven(params Option[] options) => options.Any(option => result.GetResult(option) is not null);
        });
        return command.Does((parsed, console, cancellation) =>
        {
            if (parsed.GetValue(onnx) is { } network)
                WriteModel(network, parsed.GetValue(checkpoint)!, dictionary, parsed, console);
            else
                WriteEmbeddings(parsed.GetValue(output)!, parsed.GetValue(format)!, embeddings, parsed.GetValue(records) ?? [], parsed, console, cancellation);
            return CommandLine.Done;
        }, json);
    }

    private static void WriteModel(string file, string checkpoint, DictionaryOption dictionary, ParseResult parsed, CommandConsole console)
    {
        AtomicFile.RequireWritable(file);
        var folder = CommonOptions.OpenTrained(checkpoint, dictionary.Read(parsed), console);
        AtomicFile.RequireWritable(file, [.. folder.Files, .. dictionary.Files(parsed)]);
        var network = new OnnxModel(folder.Configuration);
        using var device = new CpuDevice(threads: 1);
        var model = folder.Load(device, training: false);
        using var parameters = model.Parameters;
        network.Write(file, parameters);
        console.Progress.Note(string.Create(CultureInfo.InvariantCulture, $"{file}: embedding network of {folder.Configuration.Model}, {network.WeightBytes / 1e6:N1} MB of weights"));
        console.WriteMade(new ExportResult(file, folder.Configuration.Model, folder.FolderPath, network.WeightBytes), CliJson.Default.ExportResult);
    }

    private static void WriteEmbeddings(string file, string format, EmbeddingsOptions embeddings, string[] records, ParseResult parsed, CommandConsole console, CancellationToken cancellation)
    {
        var writer = EmbeddingExport.WriterOf(format, file, ParquetSupport.WriteEmbeddings);
        var videos = records.Length > 0 ? VideoFormats.Expand(records) : [];
        AtomicFile.RequireWritable(file, [.. embeddings.Files(parsed), .. videos]);
        using var source = embeddings.Open(parsed, console);
        if (source.Origin is null)
            console.Progress.Warn($"warning: {source.Source} does not say which model computed it; neither will {file}");
        var titles = records.Length > 0 ? VideoTitles.Read(source.Ids, records, console.Progress, cancellation)
            : source is VideoIndex { HasTitles: true } index ? index.TitlesOf(source.Ids) : null;
        EmbeddingExport.Write(file, writer, new ExportedEmbeddings(source, titles), console.Progress, cancellation);
        console.Progress.Note(string.Create(CultureInfo.InvariantCulture, $"{file}: {source.Ids.Count:N0} {(source.Ids.Count == 1 ? "embedding" : "embeddings")}{(titles is null ? "" : $", {titles.Count:N0} titles")}"));
        console.WriteMade(new EmbeddingExportResult(file, format, source.Ids.Count, source.Width), CliJson.Default.EmbeddingExportResult);
    }
}
