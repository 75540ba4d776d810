using System.Globalization;
using System.Text;
using Parquet;
using Parquet.Data;
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
/// <param name="path">The file.</param>
public sealed class ParquetTable(string path) : IVideoTable
{
    // Stands for a text that is not valid UTF-8. It is compared by reference.
    private static readonly string NotUtf8 = new('?', 1);

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    // Metadata of a megabyte take milliseconds.
    private static readonly TimeSpan LongestOpening = TimeSpan.FromSeconds(20);

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
        var (reader, names) = Checked(() => Open(file));
        try
        {
            VideoTables.RequireColumns(path, names);
            _others = [.. names.Except(VideoTables.Columns)];
            long number = 0;
            for (int group = 0; group < reader.RowGroupCount; group++)
            {
                int index = group;
                foreach (var row in Checked(() => ReadGroup(reader, index)))
                    yield return row with { Line = ++number };
            }
            if (number == 0)
                throw new DataException($"{path}: the table has no videos");
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private TableRow[] ReadGroup(ParquetReader reader, int group)
    {
        var rows = reader.OpenRowGroupReader(group);
        int count = checked((int)rows.RowCount);
        string?[] ids = Texts(VideoTables.Id, takesNumbers: true)!, titles = Texts(VideoTables.Title, takesNumbers: false)!;
        string?[]? frames = Texts(VideoTables.Frames, takesNumbers: false), splits = Texts(VideoTables.Split, takesNumbers: false);
        var tags = FieldOf(VideoTables.Tags) is { MaxRepetitionLevel: > 0 } list ? ListsOf(list) : null;
        string?[]? tagTexts = tags is null ? Texts(VideoTables.Tags, takesNumbers: true) : null;
        return [.. Enumerable.Range(0, count).Select(RowOf)];

        TableRow RowOf(int row)
        {
            string? problem = null;
            var tagsOfRow = tags is not null ? tags[row] : tagTexts is not null ? [.. VideoTables.SplitTags(tagTexts[row] ?? "", out problem)] : new List<string?>();
            int missing = tagsOfRow.IndexOf(null);
            bool hasId = ids[row] is not null && ids[row] != (object)NotUtf8;
            problem ??= ids[row] is null ? "there is no 'id'" : missing >= 0 ? $"tag {missing + 1} is null" : null;
            if (new[] { ids[row], titles[row], frames?[row], splits?[row], tagTexts?[row] }.Concat(tagsOfRow).Any(static text => text == (object)NotUtf8))
                problem = "the row is not valid UTF-8";
            return new TableRow
            {
                Line = 0, Id = hasId ? ids[row]! : "", Title = titles[row] ?? "", Tags = [.. tagsOfRow.OfType<string>()],
                Frames = Given(frames?[row]), Split = Given(splits?[row]), Problem = problem,
            };
        }

        DataField? FieldOf(string name) => reader.Schema.Fields.FirstOrDefault(field => field.Name == name) switch
        {
            null => null,
            DataField data => data,
            ListField { Item: DataField item } => item,
            _ => throw new DataException($"{path}: the column '{name}' has values of several parts"),
        };

        string?[]? Texts(string name, bool takesNumbers)
        {
            if (FieldOf(name) is not { } field)
                return null;
            if (field.MaxRepetitionLevel > 0)
                throw new DataException($"{path}: the column '{name}' has lists; expected text");
            using var column = rows.ReadRawColumnDataBaseAsync(field).AsTask().GetAwaiter().GetResult();
            string[] present = PresentValues(column, name, takesNumbers);
            if (field.MaxDefinitionLevel == 0)
                return Whole(present);
            string?[] all = new string?[count];
            int row = 0, value = 0;
            foreach (int level in column.DefinitionLevels)
                all[row++] = level == field.MaxDefinitionLevel ? present[value++] : null;
            return row == count ? all : throw Wrong(name);

            string[] Whole(string[] values) => values.Length == count ? values : throw Wrong(name);
        }

        // A repetition level of 0 begins the list of the next row. The highest definition level is that of a value. If
        // values may be null, the one below it is that of a null. A repeated field of the old form has no nulls.
        List<string?>[] ListsOf(DataField field)
        {
            using var column = rows.ReadRawColumnDataBaseAsync(field).AsTask().GetAwaiter().GetResult();
            string[] present = PresentValues(column, VideoTables.Tags, takesNumbers: true);
            var lists = new List<string?>[count];
            int row = -1, value = 0;
            for (int i = 0; i < column.RepetitionLevels.Length; i++)
            {
                if (column.RepetitionLevels[i] == 0)
                    lists[++row] = [];
                int level = column.DefinitionLevels[i];
                if (level == field.MaxDefinitionLevel)
                    lists[row].Add(present[value++]);
                else if (field.IsNullable && !field.IsArray && level == field.MaxDefinitionLevel - 1)
                    lists[row].Add(null);
            }
            return row == count - 1 ? lists : throw Wrong(VideoTables.Tags);
        }
    }

    // The library replaces invalid UTF-8 in texts. It gives the bytes of columns that are not marked as texts.
    private static void ReadTextsAsBytes(ParquetReader reader)
    {
        foreach (var element in (reader.Metadata?.Schema ?? []).Where(static element => element.ConvertedType == ConvertedType.UTF8 || element.LogicalType?.STRING is not null))
            (element.ConvertedType, element.LogicalType) = (null, null);
    }

    private static string TextOf(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes.Span);
        }
        catch (DecoderFallbackException)
        {
            return NotUtf8;
        }
    }

    private string[] PresentValues(RawColumnData column, string name, bool takesNumbers) => column switch
    {
        RawColumnData<ReadOnlyMemory<byte>> bytes => Convert(bytes.Values, TextOf),
        RawColumnData<sbyte> numbers when takesNumbers => Convert(numbers.Values, Digits),
        RawColumnData<byte> numbers when takesNumbers => Convert(numbers.Values, Digits),
        RawColumnData<ushort> numbers when takesNumbers => Convert(numbers.Values, Digits),
        RawColumnData<int> numbers when takesNumbers => Convert(numbers.Values, Digits),
        RawColumnData<long> numbers when takesNumbers => Convert(numbers.Values, Digits),
        RawColumnData<short> numbers when takesNumbers => Convert(numbers.Values, Digits),
        RawColumnData<uint> numbers when takesNumbers => Convert(numbers.Values, Digits),
        RawColumnData<ulong> numbers when takesNumbers => Convert(numbers.Values, Digits),
        _ => throw new DataException($"{path}: the column '{name}' has values of type {column.GetType().GenericTypeArguments.FirstOrDefault()?.Name}; expected text{(takesNumbers ? " or whole numbers" : "")}"),
    };

    private static string Digits<T>(T number) where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);

    private static string[] Convert<T>(ReadOnlySpan<T> values, Func<T, string> text)
    {
        string[] all = new string[values.Length];
        for (int i = 0; i < all.Length; i++)
            all[i] = text(values[i]);
        return all;
    }

    private static string? Given(string? text) => text is "" ? null : text;

    private DataException Wrong(string name) => new($"{path}: the column '{name}' does not have a value for each row");

    // The library reads some damaged metadata for ever. Then this thread gives up, and the other one runs until the
    // program ends.
    private (ParquetReader Reader, string[] Names) Open(Stream file)
    {
        var opening = Task.Factory.StartNew(() =>
        {
            var reader = ParquetReader.CreateAsync(file).GetAwaiter().GetResult();
            ReadTextsAsBytes(reader);
            return (reader, reader.Schema.Fields.Select(static field => field.Name).ToArray());
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return Task.WaitAny([opening], LongestOpening) == 0 ? opening.GetAwaiter().GetResult()
            : throw new DataException($"{path}: cannot be read as a Parquet file: its metadata were not read within {LongestOpening.TotalSeconds:0} s");
    }

    private TableStream OpenFile()
    {
        FileFailure.RefuseSpecial(path);
        try
        {
            return new TableStream(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read));
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
