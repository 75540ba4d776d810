using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace VideoSim.Fuzz.Mutation;

/// <summary>Files of NumPy, read and written without the code of the program.</summary>
/// <param name="Type">Type of the values, such as &lt;f4.</param>
/// <param name="Shape">The sizes.</param>
/// <param name="Start">Where the values begin.</param>
internal sealed partial record NumpyFile(string Type, long[] Shape, int Start)
{
    private const int PrefixBytes = 10, LongPrefixBytes = 12;

    private static readonly byte[] Magic = [0x93, .. "NUMPY"u8];

    /// <summary>A file with this header and these values.</summary>
    public static byte[] Of(string header, ReadOnlySpan<byte> values, byte version = 1)
    {
        byte[] text = Encoding.Latin1.GetBytes(header), length = BitConverter.GetBytes(text.Length);
        return [.. Magic, version, 0, .. version == 1 ? length[..2] : length, .. text, .. values];
    }

    /// <summary>The header of a matrix as NumPy writes it.</summary>
    public static string Header(string type, long rows, long columns) =>
        string.Create(CultureInfo.InvariantCulture, $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}").PadRight(117) + "\n";

    /// <summary>Changes the header and mends its length, or changes bytes.</summary>
    public static byte[] Mutate(Mutator mutator, byte[] input)
    {
        if (mutator.OneIn(2) || HeaderEnd(input) is not { } end)
            return mutator.Bytes(input);
        int start = input[6] == 1 ? PrefixBytes : LongPrefixBytes;
        byte[] header = mutator.OneIn(2) ? mutator.Lines(input[start..end]) : mutator.Bytes(input[start..end]);
        return Of(Encoding.Latin1.GetString(header), input.AsSpan(end), mutator.OneIn(4) ? (byte)mutator.Random.Next(5) : input[6]);
    }

    /// <summary>The header of a file; null if this reader does not know it.</summary>
    public static NumpyFile? Read(byte[] input)
    {
        if (HeaderEnd(input) is not { } end)
            return null;
        string text = Encoding.Latin1.GetString(input.AsSpan(input[6] == 1 ? PrefixBytes : LongPrefixBytes, end - (input[6] == 1 ? PrefixBytes : LongPrefixBytes)));
        Match type = TypeKey().Match(text), order = OrderKey().Match(text), shape = ShapeKey().Match(text);
        if (!type.Success || !order.Success || !shape.Success || order.Groups[1].Value != "False")
            return null;
        return new NumpyFile(type.Groups[1].Value, [.. shape.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(static size => long.Parse(size, CultureInfo.InvariantCulture))], end);
    }

    /// <summary>Value number i of a file.</summary>
    public double Value(byte[] input, int i) => Type switch
    {
        "<f2" => (double)BinaryPrimitives.ReadHalfLittleEndian(input.AsSpan(Start + 2 * i)),
        "<f4" => BinaryPrimitives.ReadSingleLittleEndian(input.AsSpan(Start + 4 * i)),
        "<f8" => BinaryPrimitives.ReadDoubleLittleEndian(input.AsSpan(Start + 8 * i)),
        _ => throw new WrongValueException("a type that is not expected was taken", Type),
    };

    private static int? HeaderEnd(byte[] input)
    {
        if (input.Length < LongPrefixBytes || !input.AsSpan().StartsWith(Magic))
            return null;
        long end = input[6] == 1 ? PrefixBytes + BinaryPrimitives.ReadUInt16LittleEndian(input.AsSpan(8)) : LongPrefixBytes + BinaryPrimitives.ReadUInt32LittleEndian(input.AsSpan(8));
        return end <= input.Length ? (int)end : null;
    }

    [GeneratedRegex("'descr': *'([^']*)'")]
    private static partial Regex TypeKey();

    [GeneratedRegex("'fortran_order': *(True|False)")]
    private static partial Regex OrderKey();

    [GeneratedRegex(@"'shape': *\(([0-9, ]*)\)")]
    private static partial Regex ShapeKey();
}
