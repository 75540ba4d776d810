using System.Globalization;

namespace VideoSim.PtxMachine.Text;

/// <summary>Types of PTX.</summary>
internal static class PtxType
{
    /// <summary>Bytes of a type in memory.</summary>
    public static int BytesOf(string type) => type switch
    {
        "b8" or "u8" or "s8" => 1,
        "b16" or "u16" or "s16" => 2,
        "b32" or "u32" or "s32" or "f32" => 4,
        "b64" or "u64" or "s64" or "f64" => 8,
        _ => throw new PtxException($"type .{type} is unknown"),
    };
}

/// <summary>Numbers of PTX: decimal, hexadecimal, and floating-point ones as bits.</summary>
internal static class Literal
{
    /// <summary>The bits of a number; null if the text is none.</summary>
    public static ulong? Parse(string text)
    {
        if (text.Length > 2 && text[0] == '0' && text[1] is 'f' or 'd' or 'x' or 'F' or 'D' or 'X')
            return ulong.TryParse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong bits) ? bits : null;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long signed))
            return (ulong)signed;
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;
    }
}
