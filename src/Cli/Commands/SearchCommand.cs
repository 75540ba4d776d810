using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;

namespace VideoSim.Cli.Commands;

/// <summary><c>search</c>: the videos with the nearest embeddings.</summary>
internal static class SearchCommand
{
    public static Command Create()
    {
        var embeddings = new Option<string>("--embeddings") { HelpName = ValueName.File, Description = "zip, json or npy file of embeddings", Required = true };
        var id = new Option<string?>("--id") { HelpName = "ID", Description = "find videos that are similar to this video of --embeddings" };
        var query = new Option<string?>("--query") { HelpName = ValueName.File, Description = "find videos that are similar to each video of this file of embeddings" };
        var top = CommonOptions.Positive("--top", "number of videos to find", 10);
        var records = CommonOptions.Records("show titles from files of videos, folders of them, or patterns");
        var json = CommonOptions.Json();
        var command = new Command("search", "Find the videos with the nearest embeddings, by cosine. The video itself is left out.") { embeddings, id, query, top, records, json };
        command.Checks(result =>
        {
            if (result.GetValue(id) is null == result.GetValue(query) is null)
                result.AddError("search needs either --id or --query");
        });
        return command.Does((parsed, console, cancellation) =>
        {
            using var file = EmbeddingSource.Open(parsed.GetValue(embeddings)!);
            using var others = parsed.GetValue(query) is { } path ? EmbeddingSource.Open(path) : null;
            if (others is not null && others.Width != file.Width)
                throw new DataException($"{others.Source}: {others.Width} values per id, but {file.Source} has {file.Width}");
            var queries = others is null ? [SimilaritySearch.QueryOf(file, parsed.GetValue(id)!)] : SimilaritySearch.QueriesOf(others);
            var found = SimilaritySearch.Find(file, queries, parsed.GetValue(top), Environment.ProcessorCount, console.Progress, cancellation);
            bool withTitle = parsed.GetValue(records) is { Length: > 0 };
            if (withTitle)
                found = VideoTitles.AddTo(found, parsed.GetValue(records)!, console.Progress, cancellation);
            console.WriteResult(Table(found, withQuery: others is not null, withTitle), found, SearchJson.Readable.IReadOnlyListSimilarVideos);
            return CommandLine.Done;
        }, json);
    }

    private static ResultTable Table(IReadOnlyList<SimilarVideos> found, bool withQuery, bool withTitle)
    {
        var table = new ResultTable();
        if (withQuery)
            table.TextColumn("query");
        table.TextColumn("id").NumberColumn("cosine");
        if (withTitle)
            table.TextColumn("title");
        foreach (var query in found)
        {
            foreach (var (other, cosine, title) in query.Similar)
            {
                // An id is not cut like a title, so it can be copied.
                string[] before = withQuery ? [query.Id] : [], after = withTitle ? [Printable.OneLine(title ?? "")] : [];
                table.Row([.. before, other, cosine.ToString("F4", CultureInfo.InvariantCulture), .. after]);
            }
        }
        return table;
    }
}
