using System.Globalization;

namespace VideoSim.PtxMachine.Text;

/// <summary>A type of values in memory.</summary>
/// <param name="Name">Its kind and its bits, such as <c>u32</c>.</param>
internal sealed record PtxType(string Name)
{
    /// <summary>All types, by name.</summary>
    public static readonly Dictionary<string, PtxType> All =
        "b8 u8 s8 b16 u16 s16 b32 u32 s32 f32 b64 u64 s64 f64".Split(' ').ToDictionary(static name => name, static name => new PtxType(name));

    /// <summary>Its bits.</summary>
    public int Bits { get; } = int.Parse(Name.AsSpan(1), CultureInfo.InvariantCulture);

    /// <summary>Its bytes.</summary>
    public int Bytes => Bits / 8;

    /// <summary>Bits of the narrowest register that has room for a value.</summary>
    public int RegisterBits => Math.Max(32, Bits);

    /// <summary>Whether it has negative integers.</summary>
    public bool IsSigned { get; } = Name[0] == 's';

    /// <summary>The lowest bits as a value of the type, with its sign repeated up to 64 bits.</summary>
    public ulong Extend(ulong value)
    {
        int unused = 64 - Bits;
        return IsSigned ? (ulong)((long)(value << unused) >> unused) : value << unused >> unused;
    }
}

/// <summary>Numbers of PTX: of base 10, 16, 8 or 2, and floating-point ones as bits.</summary>
internal static class Literal
{
    /// <summary>The bits of a number; null if the text is none.</summary>
    public static ulong? Parse(string text)
    {
        char kind = text.Length > 1 && text[0] == '0' ? char.ToLowerInvariant(text[1]) : ' ';
        if (kind is 'f' or 'd')
            return text.Length == (kind == 'f' ? 10 : 18) ? Unsigned(text.AsSpan(2), NumberStyles.AllowHexSpecifier) : null;
        var digits = text.AsSpan().TrimEnd('U');
        if (kind is 'x' or 'b')
            return Unsigned(digits[2..], kind == 'x' ? NumberStyles.AllowHexSpecifier : NumberStyles.AllowBinarySpecifier);
        if (kind is >= '0' and <= '9')
            return Octal(digits);
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long signed))
            return (ulong)signed;
        return Unsigned(digits, NumberStyles.None);
    }

    private static ulong? Unsigned(ReadOnlySpan<char> digits, NumberStyles style) =>
        ulong.TryParse(digits, style, CultureInfo.InvariantCulture, out ulong value) ? value : null;

    private static ulong? Octal(ReadOnlySpan<char> digits)
    {
        ulong? value = 0;
        foreach (char digit in digits)
            value = digit is >= '0' and <= '7' && value >> 61 == 0 ? (value << 3) | (uint)(digit - '0') : null;
        return value;
    }
}
