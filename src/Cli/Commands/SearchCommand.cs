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
        var embeddings = new EmbeddingsOptions();
        var id = new Option<string?>("--id") { HelpName = "ID", Description = "find videos that are similar to this one of those that are searched" };
        var vectors = new Option<string?>("--vectors", "--query") { HelpName = ValueName.File, Description = $"find videos that are similar to each vector of this {EmbeddingsOptions.Kinds} file" };
        var frames = new Option<string?>("--frames") { HelpName = ValueName.File, Description = "find videos that are similar to one with these frames: a .npy matrix of float16 or float32, a row for each frame" };
        var title = new Option<string?>(CommonOptions.Title) { HelpName = "TEXT", Description = "with --frames: title of the video" };
        var checkpoint = CommonOptions.TrainedModel();
        (checkpoint.Required, checkpoint.Description) = (false, "with --frames: the model that computed what is searched");
        var top = CommonOptions.Positive("--top", "number of videos to find", 10);
        var records = CommonOptions.Records("show titles from files of videos, folders of them, or patterns");
        var deviceName = CommonOptions.DeviceName();
        var threads = CommonOptions.Threads("threads of the search and of the cpu device; any number gives the same bits");
        var dictionary = new DictionaryOption();
        var json = CommonOptions.Json();
        var command = new Command("search", "Find the videos with the nearest embeddings, by cosine. The video itself is left out.")
        {
            embeddings.File, embeddings.Index, id, vectors, frames, title, checkpoint, top, records, deviceName, threads, dictionary.Option, json,
        };
        embeddings.RequireOne(command);
        command.Checks(result =>
        {
            if (new[] { result.GetValue(id), result.GetValue(vectors), result.GetValue(frames) }.Count(static query => query is not null) != 1)
                result.AddError("search needs one of --id, --vectors and --frames");
            else if (new object?[] { result.GetValue(frames), result.GetValue(title), result.GetValue(checkpoint) }.Count(static given => given is not null) is 1 or 2)
                result.AddError("--frames, --title and --checkpoint belong together");
        });
        return command.Does((parsed, console, cancellation) =>
        {
            using var source = embeddings.Open(parsed, console);
            IReadOnlyList<SimilarVideos> found;
            if (parsed.GetValue(frames) is { } matrix)
            {
                var model = CommonOptions.OpenTrained(parsed.GetValue(checkpoint)!, dictionary.Read(parsed), console);
                VideoQuery.RequireModelOf(model, source, console.Progress);
                using var device = CommonOptions.Open(parsed.GetValue(deviceName)!, parsed.GetValue(threads), console);
                found = Find([VideoQuery.Of(device, model, parsed.GetValue(title)!, matrix, source, console.Progress, cancellation)]);
            }
            else if (parsed.GetValue(vectors) is { } path)
            {
                using var queries = OpenQueries(path, source, console, out bool hasIds);
                found = Find(SimilaritySearch.QueriesOf(queries, hasIds));
            }
            else
            {
                found = Find([SimilaritySearch.QueryOf(source, parsed.GetValue(id)!)]);
            }
            bool withTitle = true;
            if (parsed.GetValue(records) is { Length: > 0 } files)
                found = VideoTitles.AddTo(found, files, console.Progress, cancellation);
            else if (source is VideoIndex { HasTitles: true } titled)
                found = VideoTitles.Add(found, titled.TitlesOf(VideoTitles.IdsOf(found)));
            else
                withTitle = false;
            console.WriteResult(Table(found, withQuery: parsed.GetValue(vectors) is not null, withTitle), found, SearchJson.Readable.IReadOnlyListSimilarVideos);
            return CommandLine.Done;

            IReadOnlyList<SimilarVideos> Find(IEnumerable<SearchQuery> queries) =>
                SimilaritySearch.Find(source, queries, parsed.GetValue(top), parsed.GetValue(threads), console.Progress, cancellation);
        }, json);
    }

    private static EmbeddingSource OpenQueries(string path, EmbeddingSource source, CommandConsole console, out bool hasIds)
    {
        var queries = EmbeddingSource.OpenVectors(path, ParquetSupport.Embeddings, out hasIds);
        try
        {
            if (queries.Width != source.Width)
                throw new DataException($"{path}: {queries.Width} values per id, but {source.Source} has {source.Width}{(hasIds ? "" : "; for the frames of a video use --frames")}");
            bool isSame = Path.GetFullPath(path) == Path.GetFullPath(source.Source);
            if (!isSame && EmbeddingOrigin.RequireSame(path, queries.Origin, source.Source, source.Origin) is { } warning)
                console.Progress.Warn(warning);
            return queries;
        }
        catch
        {
            queries.Dispose();
            throw;
        }
    }

    private static ResultTable Table(IReadOnlyList<SimilarVideos> found, bool withQuery, bool withTitle)
    {
        var table = new ResultTable();
        if (withQuery)
            table.TextColumn("query");
        table.TextColumn("id").NumberColumn("cosine");
        if (withTitle)
            table.TextColumn("title");
        for (int number = 0; number < found.Count; number++)
        {
            foreach (var (other, cosine, title) in found[number].Similar)
            {
                // An id is not cut like a title, so it can be copied. Vectors without ids have their numbers.
                string[] before = withQuery ? [found[number].Id ?? number.ToString(CultureInfo.InvariantCulture)] : [], after = withTitle ? [Printable.OneLine(title ?? "")] : [];
                table.Row([.. before, other, cosine.ToString("F4", CultureInfo.InvariantCulture), .. after]);
            }
        }
        return table;
    }
}
