using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Models.Records;
using VideoSim.Models.Synthesis;

namespace VideoSim.Cli.Commands;

/// <summary><c>data</c>: make, describe, verify and split files of videos.</summary>
internal static class DataCommand
{
    private const int FrameWidth = 1536;

    public static Command Create() => new("data", "Make, describe, verify and split files of videos.") { Synth(), Inspect(), Verify(), DataFoldsCommand.Create() };

    private static Command Synth()
    {
        var defaults = new SyntheticDatasetOptions();
        var output = new Option<string>("--output-dir") { Description = "a new or empty folder", Required = true };
        var seed = CommonOptions.Seed();
        var videos = CommonOptions.Positive("--videos", "videos for pretraining", defaults.Videos);
        var pairs = CommonOptions.Positive("--pairs", "labelled pairs", defaults.Pairs);
        var pairVideos = CommonOptions.Positive("--pair-videos", "videos that the pairs are made of", defaults.PairVideos);
        var testVideos = CommonOptions.Positive("--test-videos", "videos of each test set", defaults.TestVideos);
        var tags = CommonOptions.Positive("--tags", "tags in the tag list", defaults.Tags);
        var frames = new Option<int?>("--frames") { Description = "frames of every video; 1 to 100 at random otherwise" };
        return new Command("synth", "Write a dataset in the challenge's layout from a latent-topic model, with the truth beside it.")
        {
            output, seed, videos, pairs, pairVideos, testVideos, tags, frames,
        }.Does((parsed, console, cancellation) =>
        {
            string folder = parsed.GetValue(output)!;
            if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
                throw new DataException($"--output-dir {folder}: the folder is not empty");
            SyntheticDataset.Write(new SyntheticDatasetOptions
            {
                Seed = parsed.GetValue(seed),
                Videos = parsed.GetValue(videos),
                Pairs = parsed.GetValue(pairs),
                PairVideos = parsed.GetValue(pairVideos),
                TestVideos = parsed.GetValue(testVideos),
                Tags = parsed.GetValue(tags),
                Frames = parsed.GetValue(frames),
            }, folder, console.Progress, cancellation);
            return CommandLine.Done;
        });
    }

    private static Command Inspect()
    {
        var (files, width, json) = (Files(), Width(), CommonOptions.Json());
        return new Command("inspect", "Show what TFRecord files hold.") { files, width, json }.Does((parsed, console, cancellation) =>
        {
            var found = RecordInspection.Of(Expand(parsed.GetValue(files)!), parsed.GetValue(width), console.Progress, cancellation);
            var table = new ResultTable().TextColumn("what").NumberColumn("count").TextColumn("details")
                .Row("files", Count(found.Files.Count), "")
                .Row("bytes", Count(found.Bytes), "")
                .Row("records", Count(found.Records), $"{found.BadRecords.Count} bad");
            foreach (var feature in found.Features)
                table.Row($"feature {feature.Name}", Count(feature.Records), feature.ToString());
            Histogram(table, "frames", found.FramesPerVideo, 8);
            Histogram(table, "title characters", found.TitleCharacters, 8);
            Histogram(table, "tags", found.TagsPerVideo, 1);
            console.WriteResult(table, found, CliJson.Default.RecordInspection);
            return CommandLine.Done;
        }, json);
    }

    private static Command Verify()
    {
        var (files, width, json) = (Files(), Width(), CommonOptions.Json());
        return new Command("verify", "Read everything and name every bad record; exits with 1 if there is one.") { files, width, json }.Does((parsed, console, cancellation) =>
        {
            var found = RecordInspection.Of(Expand(parsed.GetValue(files)!), parsed.GetValue(width), console.Progress, cancellation);
            var result = new VerifyResult(found.Records, found.BadRecords.Count, [.. found.BadRecords.Select(bad => bad.ToString())]);
            foreach (string bad in parsed.GetValue(json) ? [] : result.Problems)
                console.WriteResult(output => output.WriteLine(bad));
            var table = new ResultTable().NumberColumn("records").NumberColumn("bad").Row(Count(result.Records), Count(result.Bad));
            console.WriteResult(table, result, CliJson.Default.VerifyResult);
            return result.Bad == 0 ? CommandLine.Done : CommandLine.Failed;
        }, json);
    }

    private static Argument<string[]> Files() => new("files") { Description = "TFRecord files, folders of them, or patterns", Arity = ArgumentArity.OneOrMore };

    private static Option<int> Width() => CommonOptions.Positive("--frame-width", "values of a frame", FrameWidth);

    private static string[] Expand(string[] files) => [.. files.SelectMany(RecordFiles.Expand)];

    private static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    // Values in bins of equal width, as lo-hi.
    private static void Histogram(ResultTable table, string what, IReadOnlyList<HistogramBin> bins, int width)
    {
        foreach (var group in bins.GroupBy(bin => bin.Value / width).OrderBy(group => group.Key))
        {
            string range = width == 1 ? $"{group.Key}" : $"{group.Key * width}-{group.Key * width + width - 1}";
            table.Row($"{what} {range}", Count(group.Sum(bin => bin.Count)), "");
        }
    }
}

/// <summary>What <c>data verify --json</c> shows.</summary>
internal sealed record VerifyResult(long Records, int Bad, IReadOnlyList<string> Problems);
