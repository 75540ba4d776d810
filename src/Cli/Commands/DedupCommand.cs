using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;

namespace VideoSim.Cli.Commands;

/// <summary><c>dedup</c>: groups of videos that are nearly the same.</summary>
internal static class DedupCommand
{
    public static Command Create()
    {
        var embeddings = new Option<string?>("--embeddings") { HelpName = ValueName.File, Description = "zip, json or npy file of embeddings" };
        var index = new Option<string[]>("--index") { HelpName = ValueName.Folder, Description = "indexes, as if they were one", AllowMultipleArgumentsPerToken = true };
        var threshold = CommonOptions.Checked(
            new Option<double[]>("--threshold") { HelpName = "COSINE", Description = "two videos are duplicates if their cosine is at least this", Required = true, CustomParser = CommonOptions.Numbers },
            static (values, _) =>
            {
                if (values is [var value] && value is not (> 0 and <= 1))
                    throw new DataException(string.Create(CultureInfo.InvariantCulture, $"--threshold must be above 0 and at most 1, not {value}"));
            });
        var output = new Option<string?>("--output") { HelpName = ValueName.File, Description = "write the groups to this file instead of stdout" };
        var threads = CommonOptions.Threads("threads of the comparison; any number gives the same bits");
        var json = CommonOptions.Json();
        var command = new Command("dedup", "Find groups of videos that are nearly the same. Prints lines of group, id and cosine to the first of the group, with tabs between.")
        {
            embeddings, index, threshold, output, threads, json,
        };
        command.Checks(result =>
        {
            if (result.GetValue(embeddings) is null == result.GetValue(index) is null or { Length: 0 })
                result.AddError("dedup needs either --embeddings or --index");
        });
        return command.Does((parsed, console, cancellation) =>
        {
            string? target = parsed.GetValue(output);
            string[] folders = parsed.GetValue(index) ?? [];
            if (target is not null)
                AtomicFile.RequireWritable(target, parsed.GetValue(embeddings) is { } input ? [.. SubmissionFile.FilesOf(input)] : []);
            using var source = parsed.GetValue(embeddings) is { } file ? EmbeddingSource.Open(file) : VideoIndex.Open(folders, console.Progress);
            var found = DuplicateSearch.Find(source, parsed.GetValue(threshold)![0], parsed.GetValue(threads), console.Progress, cancellation);
            int groups = found.Count == 0 ? 0 : found[^1].Group;
            console.Progress.Note(string.Create(CultureInfo.InvariantCulture, $"{source.Source}: {found.Count:N0} of {source.Ids.Count:N0} videos are in {groups:N0} {(groups == 1 ? "group" : "groups")} of duplicates"));
            if (target is not null)
                AtomicFile.Write(target, stream => Write(stream, found));
            if (parsed.GetValue(json))
                console.WriteMade(found, SearchJson.Readable.IReadOnlyListDuplicateVideo);
            else if (target is null)
                console.WriteResult(writer => Write(writer, found));
            return CommandLine.Done;
        }, json);
    }

    private static void Write(Stream stream, IReadOnlyList<DuplicateVideo> found)
    {
        using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
        Write(writer, found);
    }

    // The shortest decimal of a cosine that reads back as the same number.
    private static void Write(TextWriter writer, IReadOnlyList<DuplicateVideo> found)
    {
        foreach (var (group, id, cosine) in found)
            writer.Write(string.Create(CultureInfo.InvariantCulture, $"{group}\t{Printable.OneLine(id)}\t{cosine}\n"));
    }
}
