using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Import;

namespace VideoSim.Cli.Commands;

/// <summary><c>data import</c>: a table of videos and their frames become a data folder.</summary>
internal static class DataImportCommand
{
    public static Command Create()
    {
        var table = new Argument<string>("videos") { HelpName = ValueName.File, Description = "table of videos: .jsonl, .ndjson, .csv, .tsv or .parquet, with the columns id, title, tags, frames and split" };
        var output = new Option<string>("--output-dir") { HelpName = ValueName.Folder, Description = "a new or empty folder; after an interruption the same command continues", Required = true };
        var frames = new Option<string?>("--frames") { HelpName = ValueName.Folder, Description = "folder of the .npy files of frames; that of the table if left out" };
        var pairs = new Option<string?>("--pairs") { HelpName = ValueName.File, Description = "labelled pairs: id, id and a similarity from 0 to 1 on each line, with tabs between them" };
        var vocabulary = new Option<string?>("--vocab") { HelpName = ValueName.File, Description = "a vocab.txt to copy into the folder; if left out, one is made from the titles" };
        var skip = new Option<bool>("--skip-bad-rows") { Description = "leave out bad rows; without this option nothing is written if a row is bad" };
        var seed = CommonOptions.Seed("key of the choice of test pairs");
        var shard = CommonOptions.OneShard("import the K-th of N equal parts of the rows, into a folder beside --output-dir");
        var collect = CommonOptions.Collect();
        var threads = CommonOptions.Threads("number of threads; any number gives the same bytes");
        var json = CommonOptions.Json();
        var command = new Command("import", "Write videos of a table, with frames from .npy files, as a data folder. All bad rows are listed.")
        {
            table, output, frames, pairs, vocabulary, skip, seed, shard, collect, threads, json,
        };
        command.Checks(result => CommonOptions.RequireShardOrCollect(result, shard, collect));
        return command.Does((parsed, console, cancellation) =>
        {
            var result = VideoImport.Run(new ImportOptions
            {
                Table = parsed.GetValue(table)!,
                OutputDirectory = parsed.GetValue(output)!,
                Frames = parsed.GetValue(frames),
                Pairs = parsed.GetValue(pairs),
                Vocabulary = parsed.GetValue(vocabulary),
                SkipBadRows = parsed.GetValue(skip),
                Seed = parsed.GetValue(seed),
                Shard = parsed.GetValue(shard),
                JoinsShards = parsed.GetValue(collect),
                Threads = parsed.GetValue(threads),
                OpenParquet = ParquetSupport.Open,
            }, console.Progress, cancellation);
            foreach (string bad in parsed.GetValue(json) ? [] : result.BadRows)
                console.WriteResult(writer => writer.WriteLine(Printable.Line(bad)));
            if (result.Written || parsed.GetValue(json))
                console.WriteResult(Table(result), result, CliJson.Default.ImportResult);
            return result.Written ? CommandLine.Done
                : throw new DataException($"{parsed.GetValue(table)}: {Problem(result, parsed.GetValue(skip))}");
        }, json, resumes: parsed => !parsed.GetValue(collect));
    }

    private static string Problem(ImportResult result, bool skips) => skips ? "no row is good, and nothing was written"
        : $"{result.BadRowCount} bad row{(result.BadRowCount == 1 ? "" : "s")}, and nothing was written; --skip-bad-rows goes on without them";

    private static ResultTable Table(ImportResult result)
    {
        var table = new ResultTable().TextColumn("part").NumberColumn("videos").NumberColumn("pairs");
        foreach (var part in result.Parts.Where(static part => part.Videos > 0))
            table.Row(part.Part, Count(part.Videos), part.Pairs > 0 ? Count(part.Pairs) : "");
        return table;
    }

    private static string Count(int value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
