using System.Globalization;
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
    /// <summary>Path of the ids of a matrix: <c>a.ids.txt</c> for <c>a.npy</c>.</summary>
    public static string IdsPath(string path) => Path.ChangeExtension(path, ".ids.txt");

    public static void Write(string path, EmbeddingTable table, EmbeddingRounding rounding)
    {
        IdLines.RequireFits(table.Ids, path, IdsPath(path));
        AtomicFile.WritePair(IdsPath(path), stream => IdLines.Write(stream, table.Ids), path, stream => WriteMatrix(stream, table, rounding, path));
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
            StoredRows.Widen(header.Type, bytes, embedding);
            memory.Take(null, header.Width);
            builder.Add(id, embedding);
        }
    }

    /// <summary>Reads the header of a matrix, and the ids of its rows. The stream is then at the first row.</summary>
    /// <param name="stream">The matrix.</param>
    /// <param name="memory">Counts the ids.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="needsIds">Whether there must be a file of ids; otherwise ids are the numbers of the rows.</param>
    /// <exception cref="DataException">The files are invalid; the message names the file.</exception>
    public static (NumpyMatrix Header, List<string> Ids) ReadHeaderAndIds(Stream stream, EmbeddingMemory memory, string path, bool needsIds = true)
    {
        var header = NumpyMatrix.Read(stream, path);
        if (!needsIds)
            return (header, [.. Enumerable.Range(0, header.Rows).Select(static row => row.ToString(CultureInfo.InvariantCulture))]);
        if (!File.Exists(IdsPath(path)))
            throw new DataException($"{path}: has no {Path.GetFileName(IdsPath(path))} beside it; if it has frames, 'embed --frames' makes an embedding of it");
        var (ids, count) = IdLines.Read(IdsPath(path), header.Rows, memory);
        return count == header.Rows ? (header, ids) : throw new DataException($"{path}: {header.Rows} rows, but {IdsPath(path)} has {count} ids");
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
