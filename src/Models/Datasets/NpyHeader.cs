using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Datasets;

/// <summary>
/// The header of a <c>.npy</c> file of NumPy, format 1.0. The data behind it are a matrix of little-endian
/// floating-point numbers, row by row.
/// </summary>
/// <param name="Rows">Number of rows.</param>
/// <param name="Width">Values of a row.</param>
/// <param name="ValueBytes">Bytes of a value: 2, 4 or 8.</param>
internal readonly partial record struct NpyHeader(int Rows, int Width, int ValueBytes)
{
    private const int PrefixBytes = 10;

    // In this format the data begin at a multiple of this.
    private const int Alignment = 64;

    private static readonly int[] ValueSizes = [2, 4, 8];

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];

    /// <summary>Bytes of a row.</summary>
    public int RowBytes => Width * ValueBytes;

    /// <summary>Reads a header. The stream is then at the first row.</summary>
    /// <param name="stream">The file. Its length must be known.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="mostColumns">The largest width that is accepted.</param>
    /// <param name="mostValueBytes">The size of the largest type that is accepted.</param>
    /// <exception cref="DataException">
    /// The file is no <c>.npy</c> file, has something other than such a matrix, or has another size than its header
    /// says.
    /// </exception>
    public static NpyHeader Read(Stream stream, string path, int mostColumns, int mostValueBytes)
    {
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        if (stream.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) < prefix.Length || !prefix.StartsWith(Magic))
            throw new DataException($"{path}: not a .npy file of format 1.0");
        byte[] text = new byte[BinaryPrimitives.ReadUInt16LittleEndian(prefix[Magic.Length..])];
        if (stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false) < text.Length)
            throw new DataException($"{path}: the file ends inside its header");
        var match = Description().Match(Encoding.Latin1.GetString(text));
        // The pattern has three keys. If all three groups matched, no key occurs twice.
        if (!match.Groups["bytes"].Success || !match.Groups["order"].Success
            || !int.TryParse(match.Groups["rows"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int rows)
            || !int.TryParse(match.Groups["width"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int width)
            || width == 0 || width > mostColumns || match.Groups["bytes"].ValueSpan[0] - '0' > mostValueBytes)
        {
            string[] types = [.. ValueSizes.Where(bytes => bytes <= mostValueBytes).Select(static bytes => $"'<f{bytes}'")];
            throw new DataException(
                $"{path}: expected a matrix of 1 to {mostColumns} columns of {string.Join(", ", types[..^1])} or {types[^1]} in C order, got {Printable.Quote(Encoding.Latin1.GetString(text).Trim())}");
        }
        var header = new NpyHeader(rows, width, match.Groups["bytes"].ValueSpan[0] - '0');
        long expected = (long)rows * header.RowBytes;
        if (stream.Length - stream.Position != expected)
            throw new DataException($"{path}: a matrix of {rows} x {width} needs {expected} bytes, the file has {stream.Length - stream.Position}");
        return header;
    }

    /// <summary>Writes the header as NumPy does.</summary>
    public void Write(Stream stream)
    {
        string description = $"{{'descr': '<f{ValueBytes}', 'fortran_order': False, 'shape': ({Rows}, {Width}), }}";
        int unpadded = PrefixBytes + description.Length + 1;
        description += new string(' ', (Alignment - (unpadded % Alignment)) % Alignment) + "\n";
        Span<byte> length = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)description.Length);
        stream.Write(Magic);
        stream.Write(length);
        stream.Write(Encoding.ASCII.GetBytes(description));
    }

    // A Python dictionary with three keys, in any order.
    [GeneratedRegex(
        @"^\{(?: *(?:'descr': *'<f(?<bytes>[248])'|'fortran_order': *(?<order>False)|'shape': *\((?<rows>\d+), *(?<width>\d+),?\)) *(?:,|(?=\}))){3} *\} *\n?$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Description();
}
