using System.Text;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;

namespace VideoSim.Models.Search;

/// <summary>Adds titles to the result of a search.</summary>
public static class VideoTitles
{
    /// <summary>Reads the titles of all videos of a result.</summary>
    /// <param name="found">The result.</param>
    /// <param name="records">
    /// Files of videos, folders of them, or patterns. Bad records are skipped. If several videos have the same id,
    /// the last one is used.
    /// </param>
    /// <param name="progress">Receives the progress, and a note if found videos have no title.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <returns>The result with the titles that are there.</returns>
    /// <exception cref="Engine.DataException">The files cannot be read or have no valid record.</exception>
    public static IReadOnlyList<SimilarVideos> AddTo(IReadOnlyList<SimilarVideos> found, IEnumerable<string> records, IProgressSink progress, CancellationToken cancellation)
    {
        var titles = Read(IdsOf(found), records, progress, cancellation);
        var titled = Add(found, titles);
        int missing = titled.SelectMany(static query => query.Similar).Where(static video => video.Title is null).Select(static video => video.Id).Distinct().Count();
        if (missing > 0)
            progress.Note($"no title for {missing} {(missing == 1 ? "video" : "videos")} in --records");
        return titled;
    }

    /// <summary>Adds titles by id to a result.</summary>
    public static IReadOnlyList<SimilarVideos> Add(IReadOnlyList<SimilarVideos> found, IReadOnlyDictionary<string, string> titles) =>
        [.. found.Select(query => query with { Title = TitleOf(query.Id, titles), Similar = [.. query.Similar.Select(video => video with { Title = TitleOf(video.Id, titles) })] })];

    /// <summary>The ids of the queries and of the videos of a result.</summary>
    public static IEnumerable<string> IdsOf(IReadOnlyList<SimilarVideos> found) =>
        found.SelectMany(static query => query.Similar.Select(static video => video.Id).Concat(query.Id is { } id ? [id] : []));

    /// <summary>Reads the titles of some videos.</summary>
    /// <param name="ids">Their ids.</param>
    /// <param name="records">As in <see cref="AddTo"/>.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <returns>The titles that are there, by id.</returns>
    /// <exception cref="Engine.DataException">The files cannot be read or have no valid record.</exception>
    public static IReadOnlyDictionary<string, string> Read(IEnumerable<string> ids, IEnumerable<string> records, IProgressSink progress, CancellationToken cancellation)
    {
        var files = VideoFormats.Expand(records);
        var format = VideoFormats.Of(files);
        var videos = format.Open(files, FrameWidths.Find(format, files)?.Width ?? 1, skipBadRecords: true, Environment.ProcessorCount, progress, cancellation);
        using var reader = videos.OpenReader();
        var titles = new Dictionary<string, string>();
        foreach (string id in ids.Distinct())
        {
            if (videos.TryFind(Encoding.UTF8.GetBytes(id), out int video))
                titles[id] = Encoding.UTF8.GetString(reader.Read(video).Title);
        }
        return titles;
    }

    private static string? TitleOf(string? id, IReadOnlyDictionary<string, string> titles) => id is null ? null : titles.GetValueOrDefault(id);
}
