using System.Globalization;

namespace VideoSim.PtxMachine.Text;

/// <summary>Types of PTX.</summary>
internal static class PtxType
{
    /// <summary>Bytes of a type in memory; null if there is no such type.</summary>
    public static int? BytesOf(string type) => type switch
    {
        "b8" or "u8" or "s8" => 1,
        "b16" or "u16" or "s16" => 2,
        "b32" or "u32" or "s32" or "f32" => 4,
        "b64" or "u64" or "s64" or "f64" => 8,
        _ => null,
    };
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

    private static ulong? Unsigned(ReadOnlySpan<char> digits, NumberStyles style) => ulong.TryParse(digits, style, CultureInfo.InvariantCulture, out ulong value) ? value : null;

    private static ulong? Octal(ReadOnlySpan<char> digits)
    {
        ulong value = 0;
        foreach (char digit in digits)
        {
            if (digit is < '0' or > '7' || value >> 61 != 0)
                return null;
            value = (value << 3) | (uint)(digit - '0');
        }
        return value;
    }
}
