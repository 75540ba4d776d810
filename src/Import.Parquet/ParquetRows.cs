using VideoSim.Models.Import;

namespace VideoSim.Import.Parquet;

/// <summary>The rows of a row group.</summary>
internal sealed class ParquetRows(ParquetValues ids, ParquetValues titles, ParquetValues? tags, ParquetValues? frames, ParquetValues? splits)
{
    // As in tables of text.
    private const int MostRowBytes = 1 << 20;

    /// <summary>Bytes of the texts of a row.</summary>
    public long TextBytes(int row) => ids.TextBytes(row) + titles.TextBytes(row) + (tags?.TextBytes(row) ?? 0) + (frames?.TextBytes(row) ?? 0) + (splits?.TextBytes(row) ?? 0);

    /// <summary>A row. Its number is not known here.</summary>
    public TableRow RowOf(int row)
    {
        if (TextBytes(row) > MostRowBytes)
            return new TableRow { Line = 0, Problem = $"the row is longer than {MostRowBytes} bytes" };
        string? problem = null;
        string? id = ids[row], title = titles[row], frame = frames?[row], split = splits?[row], tagText = tags is { HasLists: false } ? tags[row] : null;
        var tagsOfRow = tags is { HasLists: true } ? tags.ListOf(row) : tagText is null ? [] : [.. VideoTables.SplitTags(tagText, out problem)];
        int missing = tagsOfRow.IndexOf(null);
        problem ??= id is null ? "there is no 'id'" : missing >= 0 ? $"tag {missing + 1} is null" : null;
        if (new[] { id, title, frame, split, tagText }.Concat(tagsOfRow).Any(static text => text == (object)ParquetValues.NotUtf8))
            problem = "the row is not valid UTF-8";
        return new TableRow
        {
            Line = 0, Id = id is null || id == (object)ParquetValues.NotUtf8 ? "" : id, Title = title ?? "", Tags = [.. tagsOfRow.OfType<string>()],
            Frames = Given(frame), Split = Given(split), Problem = problem,
        };
    }

    private static string? Given(string? text) => text is "" ? null : text;
}
