using ScottPlot;

namespace VideoSim.Pictures;

/// <summary>Colours of a page of GitHub. The series are told apart with any kind of colour blindness.</summary>
/// <param name="Name">Last part of a picture's file name.</param>
/// <param name="Page">Background.</param>
/// <param name="Text">Text that is read first.</param>
/// <param name="Quiet">Other text, and axes.</param>
/// <param name="Grid">Lines behind the data.</param>
/// <param name="Rest">Bars of what is not named.</param>
/// <param name="Series">Colours of series, VideoSim's first.</param>
public sealed record Theme(string Name, Color Page, Color Text, Color Quiet, Color Grid, Color Rest, IReadOnlyList<Color> Series)
{
    private const double EqualContrast = 0.179; // the luminance on which black and white are read equally well

    /// <summary>Light and dark.</summary>
    public static IReadOnlyList<Theme> All { get; } =
    [
        Of("light", "#ffffff", "#1f2328", "#59636e", "#d1d9e0", "#c8d1da", "#0072b2", "#d55e00", "#009e73", "#b3589a", "#946c00", "#56b4e9", "#4d4d4d", "#f0a800"),
        Of("dark", "#0d1117", "#f0f6fc", "#9198a1", "#3d444d", "#484f58", "#56b4e9", "#f0883e", "#2fc79b", "#d98cc0", "#f0e442", "#3f80c8", "#c9d1d9", "#b07d00"),
    ];

    /// <summary>The colour, black or white, of letters on a filled area: that of the larger contrast.</summary>
    public static Color On(Color fill) => 0.2126 * Linear(fill.R) + 0.7152 * Linear(fill.G) + 0.0722 * Linear(fill.B) > EqualContrast ? Colors.Black : Colors.White;

    private static Theme Of(string name, string page, string text, string quiet, string grid, string rest, params string[] series) =>
        new(name, Color.FromHex(page), Color.FromHex(text), Color.FromHex(quiet), Color.FromHex(grid), Color.FromHex(rest), [.. series.Select(Color.FromHex)]);

    // The share of a screen's light that a value of sRGB gives.
    private static double Linear(byte value) => Math.Pow(value / 255.0, 2.2);
}
