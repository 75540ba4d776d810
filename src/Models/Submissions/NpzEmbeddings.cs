using System.Globalization;
using System.IO.Compression;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Submissions;

/// <summary>
/// Embeddings in a <c>.npz</c> file of NumPy: the arrays <c>ids</c>, texts [rows], and <c>embeddings</c>,
/// floating-point numbers [rows, width]. If <c>origin</c> is a text of <see cref="EmbeddingOrigin.ToJson"/>, it tells
/// what computed them. Other arrays are ignored. Arrays of Python objects are refused: they are pickles, which are
/// programs.
/// </summary>
internal static class NpzEmbeddings
{
    private const string IdArray = "ids", EmbeddingArray = "embeddings", OriginArray = "origin";

    private const int CheckedAtATime = 1 << 20;

    /// <summary>Reads all rows.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="builder">Receives the ids and embeddings, in order.</param>
    /// <param name="memory">Counts them.</param>
    /// <param name="path">The file, for messages.</param>
    /// <returns>What computed the embeddings; null if the file does not tell.</returns>
    /// <exception cref="DataException">The file is invalid; the message names file, array and id.</exception>
    public static EmbeddingOrigin? Read(Stream stream, EmbeddingTableBuilder builder, EmbeddingMemory memory, string path) => CheckedZip.Open(stream, path, zip =>
    {
        var (ids, origin, content) = ReadTexts(zip, memory, path);
        using (content)
        {
            var header = ReadHeader(content, ids, path);
            byte[] bytes = new byte[header.RowBytes];
            double[] embedding = new double[header.Width];
            foreach (string id in ids)
            {
                ReadExactly(content, bytes, path, EmbeddingArray);
                StoredRows.Widen(header.Type, bytes, embedding);
                memory.Take(null, header.Width);
                builder.Add(id, embedding);
            }
            RequireEnd(content);
        }
        return origin;
    });

    /// <summary>
    /// Finds the rows of a file that is not compressed. The stream is then at the first row. The bytes of the array
    /// are compared with their checksum before.
    /// </summary>
    /// <returns>What describes the rows; null if the file is compressed.</returns>
    /// <inheritdoc cref="Read"/>
    public static (NumpyMatrix Header, List<string> Ids, EmbeddingOrigin? Origin)? FindStored(FileStream stream, EmbeddingMemory memory, string path) =>
        CheckedZip.Open<(NumpyMatrix, List<string>, EmbeddingOrigin?)?>(stream, path, zip =>
        {
            var (ids, origin, content) = ReadTexts(zip, memory, path);
            using (content)
            {
                var header = ReadHeader(content, ids, path);
                var entry = Entry(zip, EmbeddingArray, path)!;
                // If the array is not compressed, the file is now at its first row. The checksum tells.
                long first = stream.Position, begin = first - content.Position;
                if (entry.CompressedLength != entry.Length || begin < 0 || Checksum(stream, begin, entry.Length) != entry.Crc32)
                    return null;
                stream.Position = first;
                return (header, ids, origin);
            }
        });

    /// <summary>What computed the embeddings of a file; null if the file does not tell.</summary>
    /// <inheritdoc cref="Read"/>
    public static EmbeddingOrigin? OriginOf(Stream stream, EmbeddingMemory memory, string path) => CheckedZip.Open(stream, path, zip => OriginOf(zip, memory, path));

    private static (List<string> Ids, EmbeddingOrigin? Origin, Stream Embeddings) ReadTexts(ZipArchive zip, EmbeddingMemory memory, string path)
    {
        if (Entry(zip, IdArray, path) is null || Entry(zip, EmbeddingArray, path) is null)
            throw new DataException($"{path}: expected the arrays '{IdArray}' and '{EmbeddingArray}', found {string.Join(", ", zip.Entries.Take(5).Select(static entry => Printable.Quote(Path.GetFileNameWithoutExtension(entry.Name))).DefaultIfEmpty("none"))}");
        using var content = Open(zip, IdArray, path);
        var header = NumpyHeader.Read(content, Place(path, IdArray), out string text);
        RequireNoObjects(header, path, IdArray);
        if (header is not { Shape: [<= int.MaxValue and var rows] } || Length(header) is not { } length)
            throw new DataException($"{Place(path, IdArray)}: expected a list of texts such as '<U11', got {Printable.Quote(text)}; ids.astype(str) makes texts of other values");
        return (ReadTexts(content, (int)rows, length, memory, path, IdArray), OriginOf(zip, memory, path), Open(zip, EmbeddingArray, path));
    }

    private static EmbeddingOrigin? OriginOf(ZipArchive zip, EmbeddingMemory memory, string path)
    {
        if (Entry(zip, OriginArray, path) is null)
            return null;
        using var content = Open(zip, OriginArray, path);
        var header = NumpyHeader.Read(content, Place(path, OriginArray), out _);
        RequireNoObjects(header, path, OriginArray);
        // Another program may have an array of this name.
        return header is { Shape: [] } && Length(header) is { } length ? EmbeddingOrigin.Parse(ReadTexts(content, 1, length, memory, path, OriginArray)[0]) : null;
    }

    // Characters of each text; null if the type is not one of texts.
    private static int? Length(NumpyHeader header) =>
        header.Type.StartsWith("<U", StringComparison.Ordinal) && int.TryParse(header.Type.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out int length) ? length : null;

    private static List<string> ReadTexts(Stream content, int rows, int length, EmbeddingMemory memory, string path, string array)
    {
        long textBytes = sizeof(uint) * (long)length;
        if (content.Length - content.Position != rows * textBytes)
            throw new DataException($"{Place(path, array)}: {rows} texts of {length} characters need {rows * textBytes} bytes, the array has {content.Length - content.Position}");
        memory.Take(textBytes);
        byte[] bytes = new byte[textBytes];
        var characters = MemoryMarshal.Cast<byte, uint>(bytes);
        var texts = new List<string>();
        var text = new StringBuilder();
        for (int row = 0; row < rows; row++)
        {
            ReadExactly(content, bytes, path, array);
            text.Clear();
            // NumPy fills a text with NULs at its end.
            foreach (uint character in characters.TrimEnd(0u))
            {
                if (!Rune.IsValid(character))
                    throw new DataException($"{Place(path, array)}: text {row + 1} is not valid Unicode");
                text.Append(new Rune(character).ToString());
            }
            texts.Add(text.ToString());
            memory.Take(texts[row], width: 0);
        }
        RequireEnd(content);
        return texts;
    }

    private static NumpyMatrix ReadHeader(Stream content, List<string> ids, string path)
    {
        var header = NumpyMatrix.Read(content, Place(path, EmbeddingArray));
        return header.Rows == ids.Count ? header : throw new DataException($"{path}: has {ids.Count} ids, but {header.Rows} embeddings");
    }

    private static void RequireNoObjects(NumpyHeader? header, string path, string array)
    {
        if (header is { Type: "|O" })
            throw new DataException($"{Place(path, array)}: has objects of Python, which are not read; {array}.astype(str) makes texts of them");
    }

    private static void ReadExactly(Stream content, byte[] bytes, string path, string array)
    {
        if (content.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw new DataException($"{Place(path, array)}: ends too early: the file is damaged");
    }

    // At its end the stream compares the checksum. It refuses more bytes than the zip claims.
    private static void RequireEnd(Stream content) => content.ReadByte();

    private static Stream Open(ZipArchive zip, string array, string path)
    {
        var entry = Entry(zip, array, path)!;
        return CheckedZip.Content(entry, path, entry.Length);
    }

    private static ZipArchiveEntry? Entry(ZipArchive zip, string array, string path)
    {
        var found = zip.Entries.Where(entry => entry.FullName == $"{array}.npy").ToArray();
        return found.Length <= 1 ? found.FirstOrDefault() : throw new DataException($"{path}: has the array '{array}' twice");
    }

    private static string Place(string path, string array) => $"{path}: {array}.npy";

    private static uint Checksum(FileStream stream, long position, long bytes)
    {
        var crc = new Crc32();
        byte[] buffer = new byte[Math.Min(bytes, CheckedAtATime)];
        for (long left = bytes; left > 0;)
        {
            int read = RandomAccess.Read(stream.SafeFileHandle, buffer.AsSpan(0, (int)Math.Min(left, buffer.Length)), position + bytes - left);
            if (read == 0)
                break; // it is compressed, and the file is shorter
            crc.Append(buffer.AsSpan(0, read));
            left -= read;
        }
        return crc.GetCurrentHashAsUInt32();
    }
}
