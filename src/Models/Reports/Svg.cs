using System.Globalization;
using System.Text;

namespace VideoSim.Models.Reports;

/// <summary>Writes one SVG picture. Colours come from the page's style sheet, by class.</summary>
internal sealed class Svg
{
    /// <summary>Width of every picture in its own units. A picture is as wide as its place on the page.</summary>
    public const double Width = 400;

    /// <summary>Size of text, and the height that a line of it needs.</summary>
    public const double FontSize = 13, LineHeight = 15;

    private const double NarrowEm = 0.58, WideEm = 1.05; // widths of letters in system fonts, rather too large
    private const int FirstWide = 0x1100; // Korean, Chinese, Japanese

    private readonly StringBuilder _text = new();
    private readonly double _height;
    private readonly string _label;

    /// <summary>Begins a picture.</summary>
    /// <param name="height">Its height.</param>
    /// <param name="label">What it shows, for readers that do not see it.</param>
    public Svg(double height, string label) => (_height, _label) = (height, label);

    /// <summary>Number of a text's units of width, rather too large.</summary>
    public static double WidthOf(string text) => FontSize * text.EnumerateRunes().Sum(static rune => rune.Value >= FirstWide ? WideEm : NarrowEm);

    /// <summary>A text that is not wider than a number of units; a longer one is cut in the middle.</summary>
    public static string Fit(string text, double width)
    {
        if (WidthOf(text) <= width)
            return text;
        string[] runes = [.. text.EnumerateRunes().Select(static rune => rune.ToString())];
        double room = width - WidthOf("…"), end = room / 2;
        int last = runes.Length, first = 0;
        while (last > 0 && WidthOf(runes[last - 1]) <= end)
            end -= WidthOf(runes[--last]);
        room = room / 2 + end;
        while (first < last && WidthOf(runes[first]) <= room)
            room -= WidthOf(runes[first++]);
        return $"{string.Concat(runes[..first])}…{string.Concat(runes[last..])}";
    }

    /// <summary>A straight line.</summary>
    public void Line(double x1, double y1, double x2, double y2, string style) =>
        _text.Append(CultureInfo.InvariantCulture, $"<path class=\"{style}\" d=\"M{N(x1)} {N(y1)}L{N(x2)} {N(y2)}\"/>");

    /// <summary>A line through points; a new part begins where x falls.</summary>
    public void Curve(IEnumerable<(double X, double Y)> points, string style)
    {
        _text.Append(CultureInfo.InvariantCulture, $"<path class=\"{style}\" d=\"");
        double? last = null;
        foreach (var (x, y) in points)
        {
            _text.Append(last is { } before && x >= before ? 'L' : 'M').Append(N(x)).Append(' ').Append(N(y));
            last = x;
        }
        // A part of one point is a dot only if the line has round ends and some length.
        _text.Append("h0\"/>");
    }

    /// <summary>A dot.</summary>
    public void Dot(double x, double y, double radius, string style, string? title = null) =>
        Element($"<circle class=\"{style}\" cx=\"{N(x)}\" cy=\"{N(y)}\" r=\"{N(radius)}\"", "circle", title);

    /// <summary>A filled rectangle.</summary>
    public void Box(double x, double y, double width, double height, string style, string? title = null) =>
        Element($"<rect class=\"{style}\" x=\"{N(x)}\" y=\"{N(y)}\" width=\"{N(Math.Max(0, width))}\" height=\"{N(height)}\"", "rect", title);

    /// <summary>A triangle that stands on the x axis.</summary>
    public void Mark(double x, double y, string style, string title) =>
        Element($"<path class=\"{style}\" d=\"M{N(x)} {N(y - 8)}l-4.5 8h9z\"", "path", title);

    /// <summary>A text on a base line.</summary>
    /// <param name="x">Its place.</param>
    /// <param name="y">Its base line.</param>
    /// <param name="text">The text; it is escaped.</param>
    /// <param name="style">Classes.</param>
    public void Text(double x, double y, string text, string style) =>
        _text.Append(CultureInfo.InvariantCulture, $"<text class=\"{style}\" x=\"{N(x)}\" y=\"{N(y)}\">{Html.Escape(text)}</text>");

    /// <inheritdoc/>
    public override string ToString() =>
        $"<svg viewBox=\"0 0 {N(Width)} {N(_height)}\" role=\"img\" aria-label=\"{Html.Escape(_label)}\">{_text}</svg>";

    private void Element(string start, string name, string? title) =>
        _text.Append(start).Append(title is null ? "/>" : $"><title>{Html.Escape(title)}</title></{name}>");

    private static string N(double value) => Math.Round(value, 1).ToString("0.#", CultureInfo.InvariantCulture);
}
