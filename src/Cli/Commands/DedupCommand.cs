using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Search;

namespace VideoSim.Cli.Commands;

/// <summary><c>dedup</c>: groups of videos that are nearly the same.</summary>
internal static class DedupCommand
{
    public static Command Create()
    {
        var embeddings = new EmbeddingsOptions();
        var threshold = CommonOptions.Checked(
            new Option<double>("--threshold")
            {
                HelpName = "COSINE", Description = "two videos are duplicates if their cosine is at least this", Required = true,
                CustomParser = static result => CommonOptions.Numbers(result).FirstOrDefault(),
            },
            static (value, _) =>
            {
                if (value is not (> 0 and <= 1))
                    throw new DataException(string.Create(CultureInfo.InvariantCulture, $"--threshold must be above 0 and at most 1, not {value}"));
            });
        var output = new Option<string?>("--output") { HelpName = ValueName.File, Description = "write the groups to this file instead of stdout" };
        var threads = CommonOptions.Threads("threads of the comparison; any number gives the same bits");
        var json = CommonOptions.Json();
        var command = new Command("dedup", "Find groups of videos that are nearly the same. Prints lines of group, id and cosine to the first of the group, with tabs between.")
        {
            embeddings.File, embeddings.Index, threshold, output, threads, json,
        };
        embeddings.RequireOne(command);
        return command.Does((parsed, console, cancellation) =>
        {
            string? target = parsed.GetValue(output);
            if (target is not null)
                AtomicFile.RequireWritable(target, embeddings.Files(parsed));
            using var source = embeddings.Open(parsed, console);
            var found = DuplicateSearch.Find(source, parsed.GetValue(threshold), parsed.GetValue(threads), console.Progress, cancellation);
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
