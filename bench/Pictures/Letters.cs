using ScottPlot;
using SkiaSharp;
using VideoSim.Engine.Serialization;

namespace VideoSim.Pictures;

/// <summary>
/// The font that places all text. It is in the assembly, so pictures have the same bytes on machines with other fonts.
/// Readers see their own font, which is rather narrower.
/// </summary>
internal sealed class Letters : IFontResolver
{
    /// <summary>Name under which ScottPlot finds the font.</summary>
    public const string Family = "picture letters";

    /// <summary>Sizes of text in pixels.</summary>
    public const float Title = 16, Large = 13, Small = 12;

    private const string Cut = "…";

    private static readonly SKTypeface Typeface = SKTypeface.FromStream(typeof(Letters).Assembly.GetManifestResourceStream("DejaVuSans.ttf")!);

    static Letters()
    {
        Fonts.FontResolvers.Insert(0, new Letters());
        Fonts.Default = Family;
    }

    /// <summary>Width of a line, in pixels.</summary>
    public static float WidthOf(string text, float size)
    {
        using var font = new SKFont(Typeface, size);
        return font.MeasureText(text);
    }

    /// <summary>
    /// The text in letters of the font, not wider than some pixels: the middle of a longer one is left out.
    /// </summary>
    public static string Fit(string text, float size, double width)
    {
        text = string.Concat(Printable.Whole(text).EnumerateRunes().Select(static rune => Typeface.ContainsGlyph(rune.Value) ? rune.ToString() : "?"));
        for (int kept = text.Length - 1; WidthOf(text, size) > width && kept > 0; kept--)
        {
            string shorter = $"{text[..((kept + 1) / 2)]}{Cut}{text[^(kept / 2)..]}";
            if (WidthOf(shorter, size) <= width)
                return shorter;
        }
        return text;
    }

    /// <inheritdoc/>
    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) => fontName == Family ? Typeface : null;

    /// <inheritdoc/>
    public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing width) => CreateTypeface(fontName, bold: false, italic: false);
}
