using System.CommandLine;
using VideoSim.Cli.Help;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;

namespace VideoSim.Cli.Commands;

/// <summary><c>embed</c>: embeddings of all videos of some files (docs/reference-system.md, section 7.1).</summary>
internal static class EmbedCommand
{
    public static Command Create()
    {
        var checkpoint = CommonOptions.TrainedModel();
        var records = CommonOptions.Records("files of videos, folders of them, or patterns");
        var frames = new Option<string?>("--frames") { HelpName = ValueName.File, Description = "instead of --records, frames of one video: a .npy matrix of float16 or float32, a row for each frame" };
        var title = new Option<string?>(CommonOptions.Title) { HelpName = "TEXT", Description = "with --frames: title of the video" };
        var id = new Option<string?>("--id") { HelpName = "ID", Description = "with --frames: id of the video; the name of the file without .npy if left out" };
        var output = new Option<string>("--output") { HelpName = ValueName.File, Description = "zip, json or npy file", Required = true };
        var full = new Option<bool>("--float32") { Description = "keep single precision instead of rounding to half" };
        var deviceName = CommonOptions.DeviceName();
        var threads = CommonOptions.Threads();
        var dictionary = new DictionaryOption();
        var skip = CommonOptions.SkipBadRecords();
        var json = CommonOptions.Json();
        var command = new Command("embed", "Compute the embedding of every video of some files, or of one video.")
        {
            checkpoint, records, frames, title, id, output, full, deviceName, threads, skip, dictionary.Option, json,
        };
        command.Checks(result =>
        {
            bool isOne = result.GetValue(frames) is not null;
            if (isOne == result.GetValue(records) is { Length: > 0 })
                result.AddError("embed needs either --records, or --frames and --title");
            else if (isOne != result.GetValue(title) is not null)
                result.AddError("--frames and --title belong together");
            else if (!isOne && result.GetValue(id) is not null)
                result.AddError("--id is for the video of --frames; leave it out");
        });
        return command.Does((parsed, console, cancellation) =>
        {
            string file = parsed.GetValue(output)!;
            SubmissionFile.RequireWritable(file);
            using var device = CommonOptions.Open(parsed.GetValue(deviceName)!, parsed.GetValue(threads), console);
            var folder = CommonOptions.OpenTrained(parsed.GetValue(checkpoint)!, dictionary.Read(parsed), console);
            string? matrix = parsed.GetValue(frames);
            var inputs = matrix is null ? VideoFormats.Expand(parsed.GetValue(records)!) : [matrix];
            SubmissionFile.RequireWritable(file, [.. inputs, .. folder.Files, .. dictionary.Files(parsed)]);
            var videos = matrix is not null
                ? Embedder.OpenOne(folder, parsed.GetValue(id) ?? Path.GetFileNameWithoutExtension(matrix), parsed.GetValue(title)!, matrix)
                : Embedder.OpenVideos(folder, parsed.GetValue(records)!, parsed.GetValue(skip), console.Progress, cancellation);
            var model = folder.Load(device, training: false);
            using var parameters = model.Parameters;
            using var embedder = new Embedder(device, model, folder.Configuration);
            var table = embedder.EmbedAll(videos, folder.Tokenizer, folder.Tags, console.Progress, cancellation);
            SubmissionFile.Write(file, table, parsed.GetValue(full) ? EmbeddingRounding.Single : EmbeddingRounding.Half, folder.Configuration.Model);
            console.Progress.Note($"{file}: {table.Ids.Count} {(table.Ids.Count == 1 ? "embedding" : "embeddings")} of {folder.Configuration.Model} in {folder.FolderPath}, computed on {device.Name}");
            console.WriteMade(new EmbedResult(SubmissionFile.FilesOf(file), table.Ids.Count, table.Width, folder.Configuration.Model, folder.FolderPath, device.Name), CliJson.Default.EmbedResult);
            return CommandLine.Done;
        }, json);
    }
}
