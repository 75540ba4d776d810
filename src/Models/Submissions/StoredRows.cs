using System.Runtime.InteropServices;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>
/// Rows of floating-point numbers in a file that is open, read by their position. Any number of threads may read at
/// the same time. A row takes memory only while it is used, and a file that becomes shorter is an error of one line,
/// which it would not be if it were mapped into memory.
/// </summary>
/// <param name="path">The file, for messages.</param>
/// <param name="stream">The file, at the first row. It is disposed with this object.</param>
/// <param name="width">Values of a row.</param>
/// <param name="type">Their type.</param>
internal sealed class StoredRows(string path, FileStream stream, int width, SafetensorsType type) : IDisposable
{
    private const int WidenedAtATime = 256; // the width of most embeddings

    private readonly long _start = stream.Position;

    /// <summary>Reads rows.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="rows">Receives a whole number of rows [rows, width].</param>
    /// <exception cref="DataException">The file cannot be read.</exception>
    public void Read(int first, Span<double> rows)
    {
        int rowBytes = width * type.ByteSize();
        byte[] bytes = new byte[rows.Length / width * rowBytes];
        try
        {
            for (int read = 0; read < bytes.Length;)
            {
                int count = RandomAccess.Read(stream.SafeFileHandle, bytes.AsSpan(read), _start + ((long)first * rowBytes) + read);
                read += count > 0 ? count : throw new DataException($"{path}: the file became shorter while it was read");
            }
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Reading(path, failure);
        }
        Widen(type, bytes, rows);
    }

    /// <summary>Converts values to float64, which represents them exactly.</summary>
    /// <param name="type">F16, BF16, F32 or F64.</param>
    /// <param name="bytes">Little-endian values.</param>
    /// <param name="values">Receives as many values.</param>
    public static void Widen(SafetensorsType type, ReadOnlySpan<byte> bytes, Span<double> values)
    {
        if (type == SafetensorsType.F64)
        {
            MemoryMarshal.Cast<byte, double>(bytes).CopyTo(values);
            return;
        }
        int valueBytes = type.ByteSize();
        Span<float> floats = stackalloc float[WidenedAtATime];
        for (int i = 0; i < values.Length; i += floats.Length)
        {
            var part = floats[..Math.Min(floats.Length, values.Length - i)];
            type.ToFloats(bytes.Slice(i * valueBytes, part.Length * valueBytes), part);
            for (int j = 0; j < part.Length; j++)
                values[i + j] = part[j];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => stream.Dispose();
}
