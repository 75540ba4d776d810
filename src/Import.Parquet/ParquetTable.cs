using Parquet.Schema;
using VideoSim.Engine;
using VideoSim.Models.Import;

namespace VideoSim.Import.Parquet;

/// <summary>
/// A table of videos in a Parquet file; Parquet.Net reads it. It has an assembly of its own: a program that needs no
/// Parquet does not contain the library. Memory holds one row group at a time.
/// </summary>
/// <param name="path">The file.</param>
public sealed class ParquetTable(string path) : IVideoTable
{
    // What the texts of a file may have: deflate's largest ratio, and a gigabyte for small files.
    private const long FreeTextBytes = 1L << 30, TextTimesFile = 1032;

    private string[] _others = [];

    /// <inheritdoc/>
    public string Path => path;

    /// <inheritdoc/>
    public string RowName => "row";

    /// <inheritdoc/>
    public IReadOnlyCollection<string> OtherColumns => _others;

    /// <inheritdoc/>
    public IEnumerable<TableRow> Read()
    {
        using var file = ParquetFile.Open(path);
        string[] names = file.Checked(() => file.Fields.Select(static field => field.Name).ToArray());
        VideoTables.RequireColumns(path, names);
        _others = [.. names.Except(VideoTables.Columns)];
        long number = 0, text = 0, mostText = FreeTextBytes + (TextTimesFile * file.Bytes);
        for (int i = 0; i < file.Groups.Count; i++)
        {
            int index = i;
            var group = file.Checked(() => ReadGroup(file, index));
            for (int row = 0; row < file.Groups[index].Rows; row++)
            {
                text += group.TextBytes(row);
                if (text > mostText)
                    throw new DataException($"{path}: has more than {mostText} bytes of text, too much for a file of {file.Bytes} bytes");
                yield return group.RowOf(row) with { Line = ++number };
            }
        }
        if (number == 0)
            throw new DataException($"{path}: the table has no videos");
    }

    private ParquetRows ReadGroup(ParquetFile file, int index)
    {
        var rows = file.OpenGroup(index, VideoTables.Columns);
        return new ParquetRows(
            Column(VideoTables.Id, takesNumbers: true)!, Column(VideoTables.Title, takesNumbers: false)!, Column(VideoTables.Tags, takesNumbers: true),
            Column(VideoTables.Frames, takesNumbers: false), Column(VideoTables.Split, takesNumbers: false));

        ParquetValues? Column(string name, bool takesNumbers)
        {
            var field = file.Fields.FirstOrDefault(field => field.Name == name) switch
            {
                null => null,
                DataField data => data,
                ListField { Item: DataField item } => item,
                _ => throw new DataException($"{path}: the column '{name}' has values of several parts"),
            };
            if (field is null)
                return null;
            if (field.MaxRepetitionLevel > (name == VideoTables.Tags ? 1 : 0))
                throw new DataException($"{path}: the column '{name}' has lists{(name == VideoTables.Tags ? " of lists" : "; expected text")}");
            return ParquetValues.Read(rows, field, file.Groups[index].Rows, file.ValuesOf(index, field), takesNumbers)
                ?? throw new DataException($"{path}: the column '{name}' has values of type {field.ClrType.Name}; expected text{(takesNumbers ? " or whole numbers" : "")}");
        }
    }
}
