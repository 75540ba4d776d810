using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using VideoSim.Engine;

namespace VideoSim.Models.Datasets;

/// <summary>
/// The header of a <c>.npy</c> file of NumPy, formats 1.0 to 3.0. Only a plain array has such a header: one of records
/// is refused.
/// </summary>
/// <param name="Type">The type of the values, such as <c>&lt;f4</c> for little-endian float32.</param>
/// <param name="IsFortranOrder">Whether the first index changes fastest.</param>
/// <param name="Shape">The sizes.</param>
/// <param name="DataStart">Position of the values in the file.</param>
internal sealed partial record NumpyHeader(string Type, bool IsFortranOrder, IReadOnlyList<long> Shape, int DataStart)
{
    /// <summary>These first bytes of a file give the size of its header.</summary>
    internal const int PrefixBytes = 12;

    // NumPy pads a header to a multiple of 64 bytes. One of a plain array has 128.
    private const int MostBytes = 1 << 16;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Writes the header of format 1.0 as NumPy does; the values follow.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="type">The type of the values.</param>
    /// <param name="shape">The sizes as Python writes them, such as <c>(3, 2)</c>.</param>
    internal static void Write(Stream stream, string type, string shape)
    {
        // The magic string, two bytes of version and two of length. The values begin at a multiple of 64.
        const int Before = 10, Alignment = 64;
        string text = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}";
        int unpadded = Before + text.Length + 1;
        text += new string(' ', (Alignment - unpadded % Alignment) % Alignment) + "\n";
        Span<byte> start = stackalloc byte[Before];
        Magic.CopyTo(start);
        start[Magic.Length] = 1;
        start[Magic.Length + 1] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(start[(Magic.Length + 2)..], (ushort)text.Length);
        stream.Write(start);
        stream.Write(Encoding.ASCII.GetBytes(text));
    }

    /// <summary>Reads the header of a file. The stream is then at the first value.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="text">The text of the header, for a message.</param>
    /// <returns>The header; null if it is not that of a plain array.</returns>
    /// <exception cref="DataException">The file is not a <c>.npy</c> file, or ends too early.</exception>
    internal static NumpyHeader? Read(Stream stream, string path, out string text)
    {
        byte[] start = new byte[PrefixBytes];
        if (stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length || !TryFindEnd(start, out int end))
            throw new DataException($"{path}: not a .npy file");
        Array.Resize(ref start, end);
        var rest = start.AsSpan(PrefixBytes);
        if (stream.ReadAtLeast(rest, rest.Length, throwOnEndOfStream: false) < rest.Length)
            throw new DataException($"{path}: the file ends inside its header");
        TryRead(start, out var header, out text);
        return header;
    }

    /// <summary>
    /// Where the header of a file ends, by its first <see cref="PrefixBytes"/>; false if these are not of such a file.
    /// </summary>
    internal static bool TryFindEnd(ReadOnlySpan<byte> prefix, out int end)
    {
        end = 0;
        if (prefix.Length < PrefixBytes || !prefix.StartsWith(Magic) || prefix[Magic.Length] is < 1 or > 3 || prefix[Magic.Length + 1] != 0)
            return false;
        var length = prefix[(Magic.Length + 2)..];
        long bytes = TextStart(prefix) + (prefix[Magic.Length] == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(length) : BinaryPrimitives.ReadUInt32LittleEndian(length));
        end = (int)Math.Min(bytes, int.MaxValue);
        return bytes is > PrefixBytes and <= MostBytes;
    }

    /// <summary>Reads a header.</summary>
    /// <param name="header">The first bytes of the file, up to the end of the header.</param>
    /// <param name="result">The header.</param>
    /// <param name="text">The text of the header, for a message.</param>
    internal static bool TryRead(ReadOnlySpan<byte> header, [NotNullWhen(true)] out NumpyHeader? result, out string text)
    {
        result = null;
        text = Encoding.Latin1.GetString(header[TextStart(header)..]).Trim();
        var match = Description().Match(text);
        // The pattern has three keys. If all three groups matched, no key occurs twice.
        if (!match.Groups["type"].Success || !match.Groups["order"].Success || !match.Groups["shape"].Success)
            return false;
        string[] sizes = match.Groups["shape"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        long[] shape = new long[sizes.Length];
        for (int i = 0; i < sizes.Length; i++)
        {
            if (!long.TryParse(sizes[i], NumberStyles.None, CultureInfo.InvariantCulture, out shape[i]))
                return false;
        }
        result = new NumpyHeader(match.Groups["type"].Value, match.Groups["order"].Value == "True", shape, header.Length);
        return true;
    }

    // The length has 2 bytes in format 1.0 and 4 bytes in the later ones.
    private static int TextStart(ReadOnlySpan<byte> prefix) => Magic.Length + 2 + (prefix[Magic.Length] == 1 ? sizeof(ushort) : sizeof(uint));

    // A Python dictionary with three keys, in any order.
    [GeneratedRegex(
        @"^\{(?: *(?:'descr': *'(?<type>[^']*)'|'fortran_order': *(?<order>True|False)|'shape': *\((?<shape>[\d, ]*)\)) *(?:,|(?=\}))){3} *\}$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Description();
}
