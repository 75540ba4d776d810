using System.CommandLine;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;

namespace VideoSim.Cli.Commands;

/// <summary><c>embed</c>: embeddings of all videos of some files (docs/reference-system.md, section 7.1).</summary>
internal static class EmbedCommand
{
    public static Command Create()
    {
        var checkpoint = new Option<string>("--checkpoint") { Description = "a model folder: last, best or a checkpoint of a run; a run's folder stands for its last", Required = true };
        var records = new Option<string>("--records") { Description = "a file of videos, a folder of them, or a pattern", Required = true };
        var output = new Option<string>("--output") { Description = "zip, json or npy file", Required = true };
        var full = new Option<bool>("--float32") { Description = "keep single precision instead of rounding to half" };
        var deviceName = CommonOptions.DeviceName();
        var threads = CommonOptions.Threads();
        var dictionary = new DictionaryOption();
        var skip = CommonOptions.SkipBadRecords();
        return new Command("embed", "Compute the embedding of every video.") { checkpoint, records, output, full, deviceName, threads, skip, dictionary.Option }.Does((parsed, console, cancellation) =>
        {
            string file = parsed.GetValue(output)!;
            SubmissionFile.RequireWritable(file);
            using var device = CommonOptions.Open(parsed.GetValue(deviceName)!, parsed.GetValue(threads));
            var folder = ModelFolder.Open(parsed.GetValue(checkpoint)!, dictionary.Read(parsed));
            var files = VideoFormats.Expand(parsed.GetValue(records)!);
            var videos = VideoFormats.Of(files).Open(files, folder.Configuration.FrameWidth, parsed.GetValue(skip), Environment.ProcessorCount,
                console.Progress, cancellation);
            var model = folder.Load(device, training: false);
            using var parameters = model.Parameters;
            using var embedder = new Embedder(device, model, folder.Configuration);
            var table = embedder.EmbedAll(videos, folder.Tokenizer, folder.Tags, console.Progress, cancellation);
            SubmissionFile.Write(file, table, parsed.GetValue(full) ? EmbeddingRounding.Single : EmbeddingRounding.Half);
            console.Progress.Note($"{file}: {table.Ids.Count} embeddings of {folder.Configuration.Model}, computed on {device.Name}");
            return CommandLine.Done;
        });
    }
}
