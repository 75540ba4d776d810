using Parquet;
using Parquet.Meta;
using Parquet.Schema;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Import;

namespace VideoSim.Import.Parquet;

/// <summary>
/// A table of videos in a Parquet file; Parquet.Net reads it. It has an assembly of its own: a program that needs no
/// Parquet does not contain the library. Memory holds one row group at a time.
/// </summary>
/// <remarks>
/// The library is made for good files: for damaged metadata it reads for ever, takes memory of any size, or gives what
/// was in its memory before. So <see cref="ParquetFooter"/> and <see cref="ParquetPages"/> check the file first, <see
/// cref="MeteredStream"/> bounds what it reads, and <see cref="ParquetValues"/> notices values that it did not write.
/// </remarks>
/// <param name="path">The file.</param>
public sealed class ParquetTable(string path) : IVideoTable
{
    // Reads of the library beside those of the metadata.
    private const long OtherReads = 1 << 20;

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
        using var file = OpenFile();
        var footer = Checked(() => ParquetFooter.Read(file));
        file.Allow((32L * footer.Bytes) + OtherReads);
        var reader = Checked(() => Open(file));
        try
        {
            string[] names = Checked(() => reader.Schema.Fields.Select(static field => field.Name).ToArray());
            VideoTables.RequireColumns(path, names);
            _others = [.. names.Except(VideoTables.Columns)];
            long number = 0, text = 0, mostText = FreeTextBytes + (TextTimesFile * file.Length);
            for (int i = 0; i < footer.Groups.Count; i++)
            {
                int index = i;
                var group = Checked(() => ReadGroup(file, footer.Groups[index], reader, index));
                for (int row = 0; row < footer.Groups[index].Rows; row++)
                {
                    text += group.TextBytes(row);
                    if (text > mostText)
                        throw new DataException($"{path}: has more than {mostText} bytes of text, too much for a file of {file.Length} bytes");
                    yield return group.RowOf(row) with { Line = ++number };
                }
            }
            if (number == 0)
                throw new DataException($"{path}: the table has no videos");
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private ParquetRows ReadGroup(MeteredStream file, ParquetGroup group, ParquetReader reader, int index)
    {
        file.Allow(long.MaxValue);
        file.Allow(group.CheckPages(file, VideoTables.Columns) + OtherReads);
        var rows = reader.OpenRowGroupReader(index);
        return new ParquetRows(
            Column(VideoTables.Id, takesNumbers: true)!, Column(VideoTables.Title, takesNumbers: false)!, Column(VideoTables.Tags, takesNumbers: true),
            Column(VideoTables.Frames, takesNumbers: false), Column(VideoTables.Split, takesNumbers: false));

        ParquetValues? Column(string name, bool takesNumbers)
        {
            var field = reader.Schema.Fields.FirstOrDefault(field => field.Name == name) switch
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
            int values = group.Columns.Single(column => column.Leaf.Path.SequenceEqual(field.Path.ToList())).Values;
            return ParquetValues.Read(rows, field, group.Rows, values, takesNumbers)
                ?? throw new DataException($"{path}: the column '{name}' has values of type {field.ClrType.Name}; expected text{(takesNumbers ? " or whole numbers" : "")}");
        }
    }

    // The library replaces invalid UTF-8 in texts. It gives the bytes of columns that are not marked as texts.
    private static ParquetReader Open(Stream file)
    {
        var reader = ParquetReader.CreateAsync(file).GetAwaiter().GetResult();
        foreach (var element in (reader.Metadata?.Schema ?? []).Where(static element => element.ConvertedType == ConvertedType.UTF8 || element.LogicalType?.STRING is not null))
            (element.ConvertedType, element.LogicalType) = (null, null);
        return reader;
    }

    private MeteredStream OpenFile()
    {
        FileFailure.RefuseSpecial(path);
        try
        {
            return new MeteredStream(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read), path);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Reading(path, e);
        }
    }

    // The library throws many kinds of exceptions for a damaged file.
    private T Checked<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not DataException)
        {
            string reason = e switch
            {
                OutOfMemoryException or OverflowException => "a size in it is too large",
                NullReferenceException or ArgumentException or IndexOutOfRangeException or InvalidCastException or KeyNotFoundException => "it is damaged",
                _ => Printable.OneLine(e.Message),
            };
            throw new DataException($"{path}: cannot be read as a Parquet file: {reason}", e);
        }
    }
}
