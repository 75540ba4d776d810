using ScottPlot;

namespace VideoSim.Pictures;

/// <summary>A part of a bar.</summary>
/// <param name="Length">Its length in the unit of the bar.</param>
/// <param name="Fill">Its colour.</param>
/// <param name="Key">The letters on it.</param>
internal readonly record struct BarPart(double Length, Color Fill, string Key);

/// <summary>A bar from left to right.</summary>
/// <param name="Name">The text before it.</param>
/// <param name="Parts">Its parts from the left.</param>
/// <param name="Text">The text behind it.</param>
/// <param name="Mark">The value that the text gives, with the ends of its range; null if the parts end there.</param>
internal sealed record Bar(string Name, IReadOnlyList<BarPart> Parts, string Text, (double Low, double Value, double High)? Mark)
{
    /// <summary>Where everything that is drawn ends.</summary>
    public double End => Math.Max(Parts.Sum(static part => part.Length), Mark?.High ?? 0);
}

/// <summary>Bars of one thing that is compared.</summary>
/// <param name="Title">What is compared.</param>
/// <param name="Bars">The bars.</param>
internal sealed record BarGroup(string Title, IReadOnlyList<Bar> Bars);

/// <summary>Draws groups of bars in columns.</summary>
internal static class BarGroups
{
    private const int BarHeight = 22, TitleHeight = 26, Gap = 8, LeastNameWidth = 108, MostNameWidth = 240, NameMargin = 20, Right = 8;
    private const float KeySize = 11;
    private const double Thickness = 0.72, KeyMargin = 4;

    /// <summary>Draws groups, from left to right and down.</summary>
    /// <param name="page">The page.</param>
    /// <param name="theme">Its colours.</param>
    /// <param name="top">Upper edge of the groups in pixels.</param>
    /// <param name="groups">The groups.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="sameScale">Whether lengths of two groups can be compared.</param>
    /// <returns>Lower edge in pixels.</returns>
    public static int Draw(SvgPage page, Theme theme, int top, IReadOnlyList<BarGroup> groups, int columns, bool sameScale)
    {
        int width = SvgPage.Width / columns;
        foreach (var line in groups.Chunk(columns))
        {
            for (int column = 0; column < line.Length; column++)
            {
                var group = line[column];
                double end = (sameScale ? groups : [group]).Max(static group => group.Bars.Max(static bar => bar.End));
                page.Place(Draw(theme, group, width, end), width * column, top, width, HeightOf(group));
            }
            top += line.Max(HeightOf) + Gap;
        }
        return top;
    }

    private static int HeightOf(BarGroup group) => TitleHeight + BarHeight * group.Bars.Count;

    private static Plot Draw(Theme theme, BarGroup group, int width, double end)
    {
        int height = HeightOf(group);
        var plot = Plots.Area(theme, width, height);
        plot.Write(group.Title, 12, TitleHeight / 2, Letters.Large, theme.Text, width: width - 12 - Right);
        float textWidth = group.Bars.Max(static bar => Letters.WidthOf(bar.Text, Letters.Small)) + 10;
        float nameWidth = Math.Clamp(group.Bars.Max(static bar => Letters.WidthOf(bar.Name, Letters.Small)) + NameMargin, LeastNameWidth, MostNameWidth);
        double scale = (width - nameWidth - textWidth - Right) / end;
        for (int i = 0; i < group.Bars.Count; i++)
        {
            var bar = group.Bars[i];
            double middle = TitleHeight + BarHeight * (i + 0.5), half = BarHeight * Thickness / 2, x = nameWidth;
            plot.Write(bar.Name, nameWidth - 6, middle, Letters.Small, theme.Quiet, Alignment.MiddleRight, nameWidth - 18);
            foreach (var part in bar.Parts)
            {
                double length = part.Length * scale;
                var rectangle = plot.Add.Rectangle(x, x + length, middle - half, middle + half);
                (rectangle.FillColor, rectangle.LineColor, rectangle.LineWidth) = (part.Fill, theme.Page, 1);
                if (Letters.WidthOf(part.Key, KeySize) + KeyMargin <= length)
                    plot.Write(part.Key, x + length / 2, middle, KeySize, Theme.On(part.Fill), Alignment.MiddleCenter);
                x += length;
            }
            if (bar.Mark is { } mark)
                Draw(plot, theme, nameWidth + mark.Low * scale, nameWidth + mark.Value * scale, nameWidth + mark.High * scale, middle + half);
            plot.Write(bar.Text, nameWidth + bar.End * scale + 6, middle, Letters.Small, theme.Text);
        }
        return plot;
    }

    // A line below the bar, so that it covers no key.
    private static void Draw(Plot plot, Theme theme, double low, double value, double high, double y)
    {
        plot.Add.Line(low, y, high, y).LineStyle = new LineStyle(1.5f, theme.Text);
        plot.Add.Marker(value, y, MarkerShape.FilledDiamond, 7, theme.Text);
    }
}
