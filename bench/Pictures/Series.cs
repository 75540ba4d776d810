using ScottPlot;
using VideoSim.Models.Profiling;

namespace VideoSim.Pictures;

/// <summary>How the values of a system look: colour, marker and line differ.</summary>
/// <param name="System">The system.</param>
/// <param name="Color">Colour of all.</param>
/// <param name="Marker">Shape of a point.</param>
/// <param name="Pattern">Pattern of a line.</param>
internal sealed record Series(string System, Color Color, MarkerShape Marker, LinePattern Pattern)
{
    private static readonly MarkerShape[] Markers =
        [MarkerShape.FilledCircle, MarkerShape.OpenSquare, MarkerShape.FilledTriangleUp, MarkerShape.OpenDiamond, MarkerShape.Eks, MarkerShape.OpenTriangleDown, MarkerShape.Cross];

    private static readonly LinePattern[] Patterns = [LinePattern.Solid, LinePattern.Dashed, LinePattern.Dotted, LinePattern.DenselyDashed];

    /// <summary>The systems of rows: VideoSim, then the others by name.</summary>
    public static IReadOnlyList<Series> Of(IEnumerable<BenchRow> rows, Theme theme) =>
    [
        .. rows.Select(static row => row.System).Distinct().OrderBy(static system => system != BenchRow.OurSystem).ThenBy(static system => system, StringComparer.Ordinal)
            .Select((system, place) => new Series(system, theme.Series[place % theme.Series.Count], Markers[place % Markers.Length], Patterns[place % Patterns.Length])),
    ];
}
