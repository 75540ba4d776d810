using Parquet;
using Parquet.Meta;
using Parquet.Schema;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Import.Parquet;

/// <summary>A Parquet file whose metadata are checked, and the library's reader of it.</summary>
/// <remarks>
/// The library is made for good files: for damaged metadata it reads for ever, takes memory of any size, or gives what
/// was in its memory before. So <see cref="ParquetFooter"/> and <see cref="ParquetPages"/> check the file first, <see
/// cref="MeteredStream"/> bounds what it reads, and <see cref="ParquetValues"/> notices values that it did not write.
/// </remarks>
internal sealed class ParquetFile : IDisposable
{
    // Reads of the library beside those of the metadata.
    private const long OtherReads = 1 << 20;

    private readonly string _path;
    private readonly MeteredStream _file;
    private readonly ParquetFooter _footer;
    private readonly ParquetReader _reader;

    private ParquetFile(string path, MeteredStream file, ParquetFooter footer, ParquetReader reader) => (_path, _file, _footer, _reader) = (path, file, footer, reader);

    /// <summary>Size of the file.</summary>
    public long Bytes => _file.Length;

    /// <summary>The row groups.</summary>
    public IReadOnlyList<ParquetGroup> Groups => _footer.Groups;

    /// <summary>The columns at the top of the schema.</summary>
    public IReadOnlyList<Field> Fields => _reader.Schema.Fields;

    /// <summary>Texts of the metadata, by their keys.</summary>
    public IReadOnlyDictionary<string, string> Texts => _reader.CustomMetadata;

    /// <summary>Opens a file.</summary>
    /// <exception cref="DataException">It cannot be read, or its metadata are damaged.</exception>
    public static ParquetFile Open(string path)
    {
        var file = OpenStream(path);
        try
        {
            var footer = Checked(path, () => ParquetFooter.Read(file));
            file.Allow((32L * footer.Bytes) + OtherReads);
            return new ParquetFile(path, file, footer, Checked(path, () => OpenReader(file)));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a row group, and checks the pages of some columns first.</summary>
    /// <exception cref="InvalidDataException">A page is damaged, or the values take too much memory.</exception>
    /// <exception cref="EndOfStreamException">A page ends too early.</exception>
    public ParquetRowGroupReader OpenGroup(int index, IReadOnlyCollection<string> columns)
    {
        _file.Allow(long.MaxValue);
        _file.Allow(Groups[index].CheckPages(_file, columns) + OtherReads);
        return _reader.OpenRowGroupReader(index);
    }

    /// <summary>Number of the values of a column in a row group, nulls and empty lists included.</summary>
    public int ValuesOf(int group, DataField field) => Groups[group].Columns.Single(column => column.Leaf.Path.SequenceEqual(field.Path.ToList())).Values;

    /// <summary>
    /// What some work gives. Its exceptions become one line: the library throws many kinds of them for a damaged file.
    /// </summary>
    /// <exception cref="DataException">The work threw an exception.</exception>
    public T Checked<T>(Func<T> read) => Checked(_path, read);

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _file.Dispose();
    }

    // The library replaces invalid UTF-8 in texts. It gives the bytes of columns that are not marked as texts.
    private static ParquetReader OpenReader(Stream file)
    {
        var reader = ParquetReader.CreateAsync(file).GetAwaiter().GetResult();
        foreach (var element in (reader.Metadata?.Schema ?? []).Where(static element => element.ConvertedType == ConvertedType.UTF8 || element.LogicalType?.STRING is not null))
            (element.ConvertedType, element.LogicalType) = (null, null);
        return reader;
    }

    private static MeteredStream OpenStream(string path)
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

    private static T Checked<T>(string path, Func<T> read)
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
