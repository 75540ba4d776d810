using System.CommandLine;
using VideoSim.Cli.Help;
using VideoSim.Engine.Serialization;
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
        var shard = CommonOptions.OneShard("embed the K-th of N equal parts of the videos, into a file beside --output");
        var collect = CommonOptions.Collect();
        var deviceName = CommonOptions.DeviceName();
        var threads = CommonOptions.Threads();
        var dictionary = new DictionaryOption();
        var skip = CommonOptions.SkipBadRecords();
        var json = CommonOptions.Json();
        var command = new Command("embed", "Compute the embedding of every video of some files, or of one video.")
        {
            checkpoint, records, frames, title, id, output, full, shard, collect, deviceName, threads, skip, dictionary.Option, json,
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
            else if (isOne && (result.GetValue(shard) is not null || result.GetValue(collect)))
                result.AddError("--shard and --collect are for --records");
            CommonOptions.RequireShardOrCollect(result, shard, collect);
        });
        return command.Does((parsed, console, cancellation) =>
        {
            string file = parsed.GetValue(output)!;
            var part = parsed.GetValue(shard);
            var targets = part is { } one ? [EmbeddingShards.PathOf(file, one)] : SubmissionFile.TargetsOf(file);
            RequireWritable(targets);
            var parts = parsed.GetValue(collect) ? EmbeddingShards.FindAll(file) : null;
            using var device = parts is null ? CommonOptions.Open(parsed.GetValue(deviceName)!, parsed.GetValue(threads), console) : null;
            var folder = CommonOptions.OpenTrained(parsed.GetValue(checkpoint)!, dictionary.Read(parsed), console);
            string? matrix = parsed.GetValue(frames);
            var inputs = matrix is null ? VideoFormats.Expand(parsed.GetValue(records)!) : [matrix];
            RequireWritable(targets, [.. inputs, .. folder.Files, .. dictionary.Files(parsed)]);
            var videos = matrix is not null
                ? Embedder.OpenOne(folder, parsed.GetValue(id) ?? Path.GetFileNameWithoutExtension(matrix), parsed.GetValue(title)!, matrix)
                : Embedder.OpenVideos(folder, parsed.GetValue(records)!, parsed.GetValue(skip), console.Progress, cancellation);
            var config = folder.Configuration;
            int count;
            string computedOn = device?.Name ?? "";
            if (part is { } own)
            {
                var shards = Shards();
                float[] values = Compute(embedder => embedder.EmbedShard(videos, own, folder.Tokenizer, folder.Tags, console.Progress, cancellation));
                shards.Write(own, values, MadeBy.This(device!));
                count = values.Length / config.EmbeddingWidth;
            }
            else
            {
                EmbeddingTable table;
                if (parts is null)
                    table = Compute(embedder => embedder.EmbedAll(videos, folder.Tokenizer, folder.Tags, console.Progress, cancellation));
                else
                    (table, computedOn) = Shards().Join(parts, console.Progress);
                SubmissionFile.Write(file, table.From(Embedder.OriginOf(folder)), parsed.GetValue(full) ? EmbeddingRounding.Single : EmbeddingRounding.Half);
                count = table.Ids.Count;
            }
            console.Progress.Note($"{targets[0]}: {count} {(count == 1 ? "embedding" : "embeddings")} of {config.Model} in {folder.FolderPath}, computed on {computedOn}");
            console.WriteMade(new EmbedResult(targets, count, config.EmbeddingWidth, config.Model, folder.FolderPath, computedOn), CliJson.Default.EmbedResult);
            return CommandLine.Done;

            EmbeddingShards Shards() => new(file, folder, dictionary.Files(parsed), videos);

            T Compute<T>(Func<Embedder, T> compute)
            {
                var model = folder.Load(device!, training: false);
                using var parameters = model.Parameters;
                using var embedder = new Embedder(device!, model, config);
                return compute(embedder);
            }
        }, json);
    }

    private static void RequireWritable(IReadOnlyList<string> files, params IReadOnlyList<string> inputs)
    {
        foreach (string file in files)
            AtomicFile.RequireWritable(file, inputs);
    }
}
