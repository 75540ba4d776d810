using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using ScottPlot;

namespace VideoSim.Pictures;

/// <summary>
/// A picture of several plots. ScottPlot places each letter of a text by the font of this machine; here a text begins
/// or ends at one point, or has its middle there, and the reader's font does the rest.
/// </summary>
/// <param name="name">First part of the file's name.</param>
/// <param name="title">What it shows, also for readers that do not see it.</param>
/// <param name="theme">Its colours.</param>
public sealed partial class SvgPage(string name, string title, Theme theme)
{
    /// <summary>Width of a picture in pixels, which is that of the pictures in README.md.</summary>
    public const int Width = 760;

    private const string FontFamilies = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif";
    private const double Middle = 0.25, End = 0.75; // shares of a text that lie before its point

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private readonly List<XElement> _plots = [];
    private double _height;

    /// <summary>First part of the file's name.</summary>
    public string Name => name;

    /// <summary>Puts a plot on the page.</summary>
    /// <param name="plot">The plot.</param>
    /// <param name="left">Left edge in pixels.</param>
    /// <param name="top">Upper edge in pixels.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels. The page is as high as its lowest plot.</param>
    public void Place(Plot plot, int left, int top, int width, int height)
    {
        var source = XElement.Parse(plot.GetSvgXml(width, height));
        var group = new XElement(Svg + "g", new XAttribute("transform", string.Create(CultureInfo.InvariantCulture, $"translate({left} {top})")), source.Nodes());
        group.Descendants(Svg + "defs").Where(static definitions => !definitions.HasElements).Remove();
        foreach (var text in group.Descendants(Svg + "text").ToList())
            text.ReplaceWith(Text(text));
        foreach (var attribute in group.Descendants().Attributes())
            attribute.Value = Fraction().Replace(attribute.Value, static number => Round(number.Value));
        ShareClips(group);
        _plots.Add(group);
        _height = Math.Max(_height, top + height);
    }

    /// <summary>The file's text.</summary>
    public override string ToString()
    {
        var page = new XElement(Svg + "svg",
            new XAttribute("viewBox", string.Create(CultureInfo.InvariantCulture, $"0 0 {Width} {_height}")), new XAttribute("width", Width), new XAttribute("height", _height),
            new XAttribute("role", "img"), new XAttribute("font-family", FontFamilies),
            new XElement(Svg + "title", title),
            new XElement(Svg + "rect", new XAttribute("width", Width), new XAttribute("height", _height), new XAttribute("fill", theme.Page.ToHex())),
            _plots);
        return $"{page.ToString(SaveOptions.DisableFormatting).Replace("><g", ">\n<g", StringComparison.Ordinal)}\n";
    }

    // Skia numbers clips through all plots of a process, and gives each line, marker and text its own.
    private void ShareClips(XElement group)
    {
        var names = new Dictionary<string, string>();
        foreach (var clip in group.Elements(Svg + "clipPath").ToList())
        {
            string area = string.Concat(clip.Elements()), reference = $"url(#{clip.Attribute("id")!.Value})";
            if (names.TryGetValue(area, out string? name))
            {
                clip.Remove();
            }
            else
            {
                name = string.Create(CultureInfo.InvariantCulture, $"plot{_plots.Count}-{names.Count}");
                names.Add(area, name);
                clip.SetAttributeValue("id", name);
            }
            foreach (var clipped in group.Elements(Svg + "g").Where(element => element.Attribute("clip-path")?.Value == reference))
                clipped.SetAttributeValue("clip-path", $"url(#{name})");
        }
    }

    private static XElement Text(XElement source)
    {
        string content = source.Value.Trim();
        float size = float.Parse(source.Attribute("font-size")!.Value, CultureInfo.InvariantCulture);
        var place = Place(source.Attribute("transform")!.Value);
        double width = Letters.WidthOf(content, size), start = First(source.Attribute("x")!.Value), y = place.Y + First(source.Attribute("y")!.Value);
        double before = -start / width;
        var (anchor, share) = before < Middle ? ("start", 0) : before < End ? ("middle", 0.5) : ("end", 1.0);
        var text = new XElement(Svg + "text", content, new XAttribute("x", Number(place.X + start + share * width)), new XAttribute("y", Number(y)), new XAttribute("font-size", size));
        if (share > 0)
            text.Add(new XAttribute("text-anchor", anchor));
        if (source.Attribute("fill") is { } fill)
            text.Add(new XAttribute(fill));
        return text;
    }

    // No text of a picture is turned.
    private static (double X, double Y) Place(string transform)
    {
        var match = Translation().Match(transform);
        return match.Success ? (double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), double.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture))
            : throw new InvalidOperationException($"a text has the transform {transform}");
    }

    private static double First(string list) => double.Parse(list.AsSpan(0, list.IndexOf(',', StringComparison.Ordinal)), CultureInfo.InvariantCulture);

    private static string Round(string number) => Number(double.Parse(number, CultureInfo.InvariantCulture));

    private static string Number(double value) => Math.Round(value, 2).ToString("0.##", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"-?\d+\.\d+(?:e-?\d+)?")]
    private static partial Regex Fraction();

    [GeneratedRegex(@"^translate\((\S+) (\S+)\)$")]
    private static partial Regex Translation();
}
