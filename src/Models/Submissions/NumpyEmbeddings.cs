using System.Runtime.InteropServices;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>
/// Embeddings for NumPy: a <c>.npy</c> file of format 1.0 with a little-endian matrix [ids, width], and next to it a
/// text file (UTF-8) with one id per line.
/// </summary>
internal static class NumpyEmbeddings
{
    private const char ByteOrderMark = '\uFEFF';

    private const int WidenedAtATime = 256; // the width of most embeddings

    private static readonly FileLimit IdsLimit = new("the ids of embeddings", 1000); // of 50 million videos

    /// <summary>Path of the ids of a matrix: <c>a.ids.txt</c> for <c>a.npy</c>.</summary>
    public static string IdsPath(string path) => Path.ChangeExtension(path, ".ids.txt");

    public static void Write(string path, EmbeddingTable table, EmbeddingRounding rounding)
    {
        // No id of a video has these characters. An id of a JSON file may have them.
        if (table.Ids.FirstOrDefault(static id => id.Contains('\n', StringComparison.Ordinal) || id.Length == 0 || id[^1] is '\t' or '\r') is { } broken)
            throw new DataException($"{path}: id {Printable.Quote(broken)} does not fit on a line of {IdsPath(path)}");
        AtomicFile.WritePair(IdsPath(path), stream => WriteIds(stream, table), path, stream => WriteMatrix(stream, table, rounding, path));
    }

    /// <summary>Reads a matrix, and the ids from the file next to it.</summary>
    /// <param name="stream">The matrix.</param>
    /// <param name="builder">Receives the ids and embeddings, in order.</param>
    /// <param name="memory">Counts them.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="DataException">The files are invalid; the message names file and id.</exception>
    public static void Read(Stream stream, EmbeddingTableBuilder builder, EmbeddingMemory memory, string path)
    {
        var (header, ids) = ReadHeaderAndIds(stream, memory, path);
        byte[] bytes = new byte[header.RowBytes];
        double[] embedding = new double[header.Width];
        foreach (string id in ids)
        {
            stream.ReadExactly(bytes);
            Widen(bytes, embedding);
            memory.Take(null, header.Width);
            builder.Add(id, embedding);
        }
    }

    /// <summary>Reads the header of a matrix, and the ids of its rows. The stream is then at the first row.</summary>
    /// <exception cref="DataException">The files are invalid; the message names the file.</exception>
    public static (NumpyMatrix Header, List<string> Ids) ReadHeaderAndIds(Stream stream, EmbeddingMemory memory, string path)
    {
        var header = NumpyMatrix.Read(stream, path);
        if (!File.Exists(IdsPath(path)))
            throw new DataException($"{path}: has no {Path.GetFileName(IdsPath(path))} beside it; if it has frames, 'embed --frames' makes an embedding of it");
        var (ids, count) = ReadIds(IdsPath(path), header.Rows, memory);
        return count == header.Rows ? (header, ids) : throw new DataException($"{path}: {header.Rows} rows, but {IdsPath(path)} has {count} ids");
    }

    private static void WriteIds(Stream stream, EmbeddingTable table)
    {
        using var text = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
        // The first mark of the file is no part of an id, so an id that begins with one needs another before it.
        if (table.Ids[0][0] == ByteOrderMark)
            text.Write(ByteOrderMark);
        foreach (string id in table.Ids)
            text.WriteLine(id);
    }

    private static void WriteMatrix(Stream stream, EmbeddingTable table, EmbeddingRounding rounding, string path)
    {
        int valueBytes = rounding switch
        {
            EmbeddingRounding.Half => sizeof(ushort),
            EmbeddingRounding.Single => sizeof(float),
            _ => sizeof(double),
        };
        new NumpyMatrix(table.Ids.Count, table.Width, valueBytes).Write(stream);
        double[] rounded = new double[table.Width];
        byte[] bytes = new byte[table.Width * valueBytes];
        for (int row = 0; row < table.Ids.Count; row++)
        {
            Rounding.Round(table, row, rounding, rounded, path);
            Narrow(rounded, bytes);
            stream.Write(bytes);
        }
    }

    // The ids of at most so many rows, and the number of all ids.
    private static (List<string> Ids, int Count) ReadIds(string path, int most, EmbeddingMemory memory)
    {
        var lines = new LineReader(FileFailure.ReadAllBytes(path, IdsLimit), keepsSpaces: true);
        var ids = new List<string>();
        while (lines.MoveNext())
        {
            string id = lines.Text(path);
            if (ids.Count == most)
                continue;
            ids.Add(id);
            memory.Take(id, width: 0);
        }
        return (ids, lines.Number);
    }

    /// <summary>Reads the values of rows as float64, which represents them exactly.</summary>
    /// <param name="bytes">Little-endian float16, float32 or float64: the two lengths tell which.</param>
    /// <param name="values">Receives the values.</param>
    public static void Widen(ReadOnlySpan<byte> bytes, Span<double> values)
    {
        int valueBytes = bytes.Length / values.Length;
        if (valueBytes == sizeof(double))
        {
            MemoryMarshal.Cast<byte, double>(bytes).CopyTo(values);
            return;
        }
        var type = valueBytes == sizeof(ushort) ? SafetensorsType.F16 : SafetensorsType.F32;
        Span<float> floats = stackalloc float[WidenedAtATime];
        for (int i = 0; i < values.Length; i += floats.Length)
        {
            var part = floats[..Math.Min(floats.Length, values.Length - i)];
            type.ToFloats(bytes.Slice(i * valueBytes, part.Length * valueBytes), part);
            for (int j = 0; j < part.Length; j++)
                values[i + j] = part[j];
        }
    }

    private static void Narrow(ReadOnlySpan<double> values, Span<byte> bytes)
    {
        for (int i = 0; i < values.Length; i++)
        {
            switch (bytes.Length / values.Length)
            {
                case sizeof(ushort):
                    MemoryMarshal.Cast<byte, Half>(bytes)[i] = (Half)values[i];
                    break;
                case sizeof(float):
                    MemoryMarshal.Cast<byte, float>(bytes)[i] = (float)values[i];
                    break;
                default:
                    MemoryMarshal.Cast<byte, double>(bytes)[i] = values[i];
                    break;
            }
        }
    }
}
