namespace VideoSim.Models.Reports;

/// <summary>A line of a chart.</summary>
/// <param name="Label">Its label; lines with the same label share one.</param>
/// <param name="Color">Number of its colour.</param>
/// <param name="X">Places along the x axis.</param>
/// <param name="Y">Values.</param>
internal sealed record ChartLine(string Label, int Color, IReadOnlyList<double> X, IReadOnlyList<double> Y);

/// <summary>Lines over a common x axis, labelled at their ends.</summary>
internal sealed record LineChart
{
    private const double Height = 240, Top = 10, Bottom = 40, LargestLabel = 116, LabelDistance = 7;
    private const double BoldWidth = 1.15; // labels are bold
    private const double LogarithmicRatio = 30; // of the largest to the smallest value
    private const int ManyLines = 8, Colors = 6, Dashes = 3;

    /// <summary>What the chart shows.</summary>
    public required string Label { get; init; }

    /// <summary>What the x axis shows.</summary>
    public required string XTitle { get; init; }

    /// <summary>What the y axis shows; null if the text below the chart says it.</summary>
    public string? YTitle { get; init; }

    /// <summary>The lines.</summary>
    public required IReadOnlyList<ChartLine> Lines { get; init; }

    /// <summary>Marks under the x axis.</summary>
    public IReadOnlyList<(double X, string Style, string Title)> Marks { get; init; } = [];

    /// <summary>Points behind the lines.</summary>
    public IReadOnlyList<(double X, double Y)> Points { get; init; } = [];

    /// <summary>Whether every point of a line has a dot.</summary>
    public bool HasDots { get; init; }

    /// <summary>Whether x has whole numbers only, from 0.</summary>
    public bool CountsX { get; init; } = true;

    /// <summary>Whether the y axis begins at 0.</summary>
    public bool FromZero { get; init; }

    /// <summary>Whether large ranges get an axis of powers.</summary>
    public bool MayBeLogarithmic { get; init; }

    /// <summary>The text of a tick of the y axis; null for <see cref="Figure.Tick"/>.</summary>
    public Func<double, string>? YTick { get; init; }

    /// <summary>The end of the x axis, which charts beside each other share; null for the largest value.</summary>
    public double? LastX { get; init; }

    /// <summary>Draws the chart.</summary>
    public string Draw()
    {
        double[] ys = [.. Lines.SelectMany(static line => line.Y).Concat(Points.Select(static point => point.Y))];
        double[] xs = [.. Lines.SelectMany(static line => line.X).Concat(Points.Select(static point => point.X))];
        double low = ys.Min(), high = ys.Max(), bottom = Height - Bottom, top = YTitle is null ? Top : Top + Svg.LineHeight;
        bool isLogarithmic = MayBeLogarithmic && low > 0 && high / low > LogarithmicRatio;
        double room = (high - low) * 0.04;
        var y = isLogarithmic ? Axis.Logarithmic(low, high, bottom, top) : Axis.Linear(FromZero ? Math.Min(0, low) : low - room, high + room, bottom, top, 4);
        string[] ticks = [.. y.Ticks.Select(tick => YTick?.Invoke(tick) ?? Figure.Tick(tick, y.TickDigits))];
        double left = Math.Max(24, ticks.Max(Svg.WidthOf) + 8);
        var ends = Ends();
        var shown = ChartLabels.Shorten([.. ends.Select(static end => end.Label)]);
        double right = ends.Count == 0 ? 12 : Math.Min(LargestLabel, BoldWidth * shown.Values.Max(Svg.WidthOf)) + LabelDistance + 4;
        var x = Axis.Linear(CountsX ? 0 : xs.Min(), LastX ?? xs.Max(), left, Svg.Width - right, 4, wholeNumbers: CountsX);

        var svg = new Svg(Height, Label);
        if (YTitle is not null)
            svg.Text(0, Top + 2, YTitle, "t");
        for (int i = 0; i < ticks.Length; i++)
        {
            svg.Line(left, y[y.Ticks[i]], Svg.Width - right, y[y.Ticks[i]], "g");
            svg.Text(left - 6, y[y.Ticks[i]] + 4, ticks[i], "t e");
        }
        DrawX(svg, x, bottom);
        foreach (var (at, style, title) in Marks)
            svg.Mark(x[at], bottom, style, title);
        foreach (var (px, py) in Points)
            svg.Dot(x[px], y[py], 1.6, "p");
        string weight = Lines.Count > ManyLines ? "l m" : "l";
        foreach (var line in Lines)
        {
            svg.Curve(line.X.Zip(line.Y, (px, py) => (x[px], y[py])), $"{weight} {ColorClass(line.Color)}");
            if (HasDots || line.X.Count == 1)
            {
                for (int i = 0; i < line.X.Count; i++)
                    svg.Dot(x[line.X[i]], y[line.Y[i]], 2.8, $"d {ColorClass(line.Color)}");
            }
        }
        double[] places = LabelPlaces.Apart([.. ends.Select(end => y[end.Y])], Svg.LineHeight, top + 4, bottom - 2);
        for (int i = 0; i < ends.Count; i++)
        {
            // A thin line joins a label with a line that ends far from it.
            if (Math.Abs(places[i] - y[ends[i].Y]) > Svg.LineHeight / 2 || x[ends[i].X] < Svg.Width - right - Svg.LineHeight)
                svg.Line(x[ends[i].X] + 1, y[ends[i].Y], Svg.Width - right + LabelDistance - 2, places[i], "k");
            svg.Text(Svg.Width - right + LabelDistance, places[i] + 4, Svg.Fit(shown[ends[i].Label], (right - LabelDistance) / BoldWidth), $"n {ColorClass(ends[i].Color)}");
        }
        return svg.ToString();
    }

    /// <summary>The classes of a colour. There are six, and lines of the next six are dashed.</summary>
    public static string ColorClass(int color) => color < Colors ? $"c{color}" : $"c{color % Colors} s{(color / Colors - 1) % Dashes}";

    private void DrawX(Svg svg, Axis x, double bottom)
    {
        // A text at the border of the picture would be cut.
        const double border = 14;
        foreach (double tick in x.Ticks)
        {
            svg.Line(x[tick], bottom, x[tick], bottom + 4, "a");
            svg.Text(x[tick], bottom + 18, Figure.Tick(tick, x.TickDigits), x[tick] > Svg.Width - border ? "t e" : "t i");
        }
        svg.Text((x.From + x.To) / 2, bottom + 35, XTitle, "t i");
    }

    // One label for all lines that share it, at the middle of their ends. A single label says nothing.
    private List<(string Label, int Color, double X, double Y)> Ends()
    {
        var groups = Lines.GroupBy(static line => (line.Label, line.Color)).ToList();
        if (groups.Count < 2)
            return [];
        return [.. groups.Select(static group =>
        {
            ChartLine[] sorted = [.. group.OrderBy(static line => line.Y[^1])];
            var middle = sorted[sorted.Length / 2];
            return (group.Key.Label, group.Key.Color, middle.X[^1], middle.Y[^1]);
        })];
    }
}
