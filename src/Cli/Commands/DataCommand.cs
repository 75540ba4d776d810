using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Models.Records;
using VideoSim.Models.Synthesis;

namespace VideoSim.Cli.Commands;

/// <summary><c>data</c>: make, describe, verify and split files of videos.</summary>
internal static class DataCommand
{
    public static Command Create() => new("data", "Make, describe, verify and split files of videos.") { DataImportCommand.Create(), Synth(), Inspect(), Verify(), DataFoldsCommand.Create() };

    private static Command Synth()
    {
        var defaults = new SyntheticDatasetOptions();
        var output = new Option<string>("--output-dir") { HelpName = ValueName.Folder, Description = "a new or empty folder", Required = true };
        var seed = CommonOptions.Seed();
        var videos = CommonOptions.Positive("--videos", "videos for pretraining", defaults.Videos);
        var pairs = CommonOptions.Positive("--pairs", "labelled pairs", defaults.Pairs);
        var pairVideos = CommonOptions.Positive("--pair-videos", "videos that the pairs are made of", defaults.PairVideos);
        var testVideos = CommonOptions.Positive("--test-videos", "videos of each test set", defaults.TestVideos);
        var testPairs = new Option<int?>("--test-pairs") { Description = "labelled pairs of each test set; two for each of its videos and at least 2000, or as many as can be drawn, if left out" };
        var tags = CommonOptions.Positive("--tags", "tags in the tag list", defaults.Tags);
        var tagList = new Option<string?>("--tag-list") { HelpName = ValueName.File, Description = "a tag_list.txt; videos have its tags, and it is copied" };
        var vocabulary = new Option<string?>("--vocab") { HelpName = ValueName.File, Description = "a vocab.txt; titles have only characters that it contains, and it is copied" };
        var width = CommonOptions.Positive("--frame-width", "values of a frame", defaults.FrameWidth);
        var frames = new Option<int?>("--frames") { Description = "frames of every video; a random number from 1 to 100 if left out" };
        var json = CommonOptions.Json();
        var command = new Command("synth", "Write a synthetic dataset in the challenge's layout, with its true similarities.")
        {
            output, seed, videos, pairs, pairVideos, testVideos, testPairs, tags, tagList, vocabulary, frames, width, json,
        };
        command.Checks(result =>
        {
            if (result.GetResult(tags) is { Implicit: false } && result.GetValue(tagList) is not null)
                result.AddError("--tags and --tag-list cannot be given together");
        });
        return command.Does((parsed, console, cancellation) =>
        {
            string folder = parsed.GetValue(output)!;
            var options = new SyntheticDatasetOptions
            {
                Seed = parsed.GetValue(seed),
                Videos = parsed.GetValue(videos),
                Pairs = parsed.GetValue(pairs),
                PairVideos = parsed.GetValue(pairVideos),
                TestVideos = parsed.GetValue(testVideos),
                TestPairs = parsed.GetValue(testPairs),
                Tags = parsed.GetValue(tags),
                TagList = parsed.GetValue(tagList),
                Vocabulary = parsed.GetValue(vocabulary),
                Frames = parsed.GetValue(frames),
                FrameWidth = parsed.GetValue(width),
            };
            SyntheticDataset.Write(options, folder, console.Progress, cancellation);
            console.Progress.Note($"{folder}: {Count(options.Videos)} videos, {Count(options.Pairs)} labelled pairs and two test sets of {Count(options.TestVideos)} videos");
            console.WriteMade(new SynthResult(Path.GetFullPath(folder), options.Seed, options.Videos, options.Pairs, options.PairVideos, options.TestVideos, options.LabelledTestPairs, options.FrameWidth), CliJson.Default.SynthResult);
            return CommandLine.Done;
        }, json);
    }

    private static Command Inspect()
    {
        var (files, width, json) = (Files(), Width(), CommonOptions.Json());
        return new Command("inspect", "Show the contents of TFRecord files.") { files, width, json }.Does((parsed, console, cancellation) =>
        {
            var found = RecordInspection.Of(Expand(parsed.GetValue(files)!), parsed.GetValue(width), console.Progress, cancellation);
            console.WriteResult([FileTable(found), FeatureTable(found), VideoTable(found)], found, CliJson.Default.RecordInspection);
            return CommandLine.Done;
        }, json);
    }

    private static Command Verify()
    {
        var (files, width, json) = (Files(), Width(), CommonOptions.Json());
        var official = new Option<bool>("--official") { Description = "compare the files of one folder with the MD5 sums that the challenge published" };
        var command = new Command("verify", "Read all records of TFRecord files and list the bad ones; the exit code is 1 if there are any.") { files, width, official, json };
        command.Checks(result =>
        {
            if (result.GetValue(official) && result.GetValue(files) is not [_])
                result.AddError("--official needs exactly one folder, in the challenge's layout");
        });
        return command.Does((parsed, console, cancellation) =>
        {
            if (parsed.GetValue(official))
                return Compare(parsed.GetValue(files)![0], console, cancellation);
            var found = RecordInspection.Of(Expand(parsed.GetValue(files)!), parsed.GetValue(width), console.Progress, cancellation);
            var result = new VerifyResult(found.Records, found.BadRecords.Count, [.. found.BadRecords.Select(bad => bad.ToString())]);
            foreach (string bad in parsed.GetValue(json) ? [] : result.Problems)
                console.WriteResult(output => output.WriteLine(bad));
            var table = new ResultTable().NumberColumn("records").NumberColumn("bad").Row(Count(result.Records), Count(result.Bad));
            console.WriteResult(table, result, CliJson.Default.VerifyResult);
            return result.Bad == 0 ? CommandLine.Done : CommandLine.Failed;
        }, json);
    }

    private static int Compare(string folder, CommandConsole console, CancellationToken cancellation)
    {
        CommonOptions.RequireFolder("--official", folder, "a folder in the challenge's layout");
        var found = OfficialFiles.Compare(folder, console.Progress, cancellation);
        var table = new ResultTable().TextColumn("file").NumberColumn("bytes").TextColumn("MD5").TextColumn("verdict");
        foreach (var file in found)
            table.Row(file.File, file.Md5 is null ? "" : Count(file.Bytes), file.Md5 ?? "", Text(file.Verdict));
        console.WriteResult(table, found, CliJson.Default.IReadOnlyListOfficialFile);
        return found.All(static file => file.Verdict is OfficialVerdict.AsPublished or OfficialVerdict.NoPublishedSum) ? CommandLine.Done : CommandLine.Failed;
    }

    private static string Text(OfficialVerdict verdict) => verdict switch
    {
        OfficialVerdict.AsPublished => "as published",
        OfficialVerdict.Differs => "differs",
        OfficialVerdict.Missing => "missing",
        _ => "no published sum",
    };

    private static Argument<string[]> Files() => new("files") { HelpName = ValueName.File, Description = "TFRecord files, folders of them, or patterns", Arity = ArgumentArity.OneOrMore };

    private static Option<int?> Width() => CommonOptions.Checked(
        new Option<int?>("--frame-width") { Description = "values of a frame; those of the first valid record if left out" },
        static (width, _) =>
        {
            if (width <= 0)
                throw new DataException($"--frame-width must be positive, not {width}");
        });

    private static string[] Expand(string[] files) => [.. files.SelectMany(static file => RecordFiles.Expand(file))];

    private static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static ResultTable FileTable(RecordInspection found)
    {
        var table = new ResultTable().TextColumn("file").NumberColumn("bytes").NumberColumn("records").NumberColumn("bad");
        foreach (var file in found.Files)
            table.Row(file.Path, Count(file.Bytes), Count(file.Records), Count(file.BadRecords));
        return found.Files.Count == 1 ? table : table.Row("all", Count(found.Bytes), Count(found.Records), Count(found.BadRecords.Count));
    }

    private static ResultTable FeatureTable(RecordInspection found)
    {
        var table = new ResultTable().TextColumn("feature").TextColumn("holds").NumberColumn("records").NumberColumn("entries a record").NumberColumn("bytes an entry");
        foreach (var feature in found.Features)
        {
            table.Row(feature.Name, feature.Kind switch { FeatureKind.Bytes => "byte strings", FeatureKind.Integers => "integers", FeatureKind.Numbers => "float32", _ => "nothing" },
                Count(feature.Records), Range(feature.MinimumEntries, feature.MaximumEntries), Range(feature.MinimumEntryBytes, feature.MaximumEntryBytes));
        }
        return table;
    }

    private static ResultTable VideoTable(RecordInspection found)
    {
        var table = new ResultTable().TextColumn("of a video").NumberColumn("how many").NumberColumn("videos");
        table.Row("values of a frame", Count(found.FrameWidth), Count(found.Videos));
        Histogram("frames", found.FramesPerVideo, 8);
        Histogram("characters of the title", found.TitleCharacters, 8);
        Histogram("tags", found.TagsPerVideo, 1);
        return table;

        // Groups values into bins of equal width.
        void Histogram(string what, IReadOnlyList<HistogramBin> bins, int width)
        {
            foreach (var group in bins.GroupBy(bin => bin.Value / width).OrderBy(group => group.Key))
                table.Row(what, Range(group.Key * width, group.Key * width + width - 1), Count(group.Sum(bin => bin.Count)));
        }
    }

    private static string Range(long? least, long? most) => least is null ? "" : least == most ? Count(least.Value) : $"{Count(least.Value)} to {Count(most!.Value)}";
}

/// <summary>The result of <c>data verify --json</c>.</summary>
internal sealed record VerifyResult(long Records, int Bad, IReadOnlyList<string> Problems);
