namespace VideoSim.Models.Reports;

/// <summary>A row of a chart.</summary>
/// <param name="Label">Its label, at the left.</param>
/// <param name="Value">The number at the right, or nothing.</param>
/// <param name="Color">Class of its colour.</param>
/// <param name="Dots">Single values.</param>
internal sealed record ChartRow(string Label, string Value, string Color, IReadOnlyList<double> Dots)
{
    /// <summary>A mean, drawn as a line across the row.</summary>
    public double? Mean { get; init; }

    /// <summary>A range, drawn as a band behind the dots.</summary>
    public (double Low, double High)? Band { get; init; }

    /// <summary>Bars one after the other: value where it ends, class, what it shows. The first begins at 0.</summary>
    public IReadOnlyList<(double End, string Style, string Title)> Bars { get; init; } = [];
}

/// <summary>Values in rows over a common axis.</summary>
internal sealed record RowChart
{
    private const double Top = 6, RowHeight = 22, Bottom = 42, SmallestLabel = 26, LargestLabel = 200, NarrowPlot = 170, BarHeight = 12;

    /// <summary>What the chart shows.</summary>
    public required string Label { get; init; }

    /// <summary>What the x axis shows.</summary>
    public required string XTitle { get; init; }

    /// <summary>The rows.</summary>
    public required IReadOnlyList<ChartRow> Rows { get; init; }

    /// <summary>The text of a tick; null for <see cref="Figure.Tick"/>.</summary>
    public Func<double, string>? Tick { get; init; }

    /// <summary>The end of the axis; null for the largest value.</summary>
    public double? Largest { get; init; }

    /// <summary>Draws the chart.</summary>
    public string Draw()
    {
        bool hasBars = Rows.Any(static row => row.Bars.Count > 0);
        double[] values = [.. Rows.SelectMany(static row => row.Dots.Concat(row.Bars.Select(static bar => bar.End))
            .Concat(row.Band is { } band ? [band.Low, band.High] : []))];
        double low = hasBars ? Math.Min(0, values.Min()) : values.Min(), high = Largest ?? Math.Max(hasBars ? 0 : double.MinValue, values.Max());
        var shown = ChartLabels.Shorten([.. Rows.Select(static row => row.Label)]);
        double room = hasBars ? 0 : (high - low) * 0.05, left = Math.Clamp(shown.Values.Max(Svg.WidthOf), SmallestLabel, LargestLabel) + 10;
        double right = Svg.Width - 8 - Rows.Max(static row => row.Value.Length > 0 ? Svg.WidthOf(row.Value) + 8 : 8), bottom = Top + RowHeight * Rows.Count;
        var x = Axis.Linear(low - room, high + room, left, right, right - left < NarrowPlot ? 2 : 4);
        var svg = new Svg(bottom + Bottom, Label);
        foreach (double tick in x.Ticks)
        {
            svg.Line(x[tick], Top, x[tick], bottom, tick == 0 ? "a" : "g");
            svg.Text(x[tick], bottom + 17, Tick?.Invoke(tick) ?? Figure.Tick(tick, x.TickDigits), "t i");
        }
        svg.Text((left + right) / 2, bottom + 35, XTitle, "t i");
        for (int i = 0; i < Rows.Count; i++)
            DrawRow(svg, x, Rows[i], shown[Rows[i].Label], Top + RowHeight * (i + 0.5), left, right);
        return svg.ToString();
    }

    private static void DrawRow(Svg svg, Axis x, ChartRow row, string label, double middle, double left, double right)
    {
        svg.Text(left - 10, middle + 4, Svg.Fit(label, left - 10), "r e");
        double from = x[0];
        foreach (var (end, style, title) in row.Bars)
        {
            double to = x[end];
            svg.Box(Math.Min(from, to), middle - BarHeight / 2, Math.Abs(to - from), BarHeight, style, title);
            from = to;
        }
        if (row.Band is { } band)
            svg.Box(x[band.Low], middle - BarHeight / 2, x[band.High] - x[band.Low], BarHeight, $"b {row.Color}");
        foreach (double value in row.Dots)
            svg.Dot(x[value], middle, 3.4, $"d {row.Color}");
        if (row.Mean is { } mean)
            svg.Line(x[mean], middle - 8, x[mean], middle + 8, "w");
        if (row.Value.Length > 0)
            svg.Text(right + 8, middle + 4, row.Value, "v");
    }
}
