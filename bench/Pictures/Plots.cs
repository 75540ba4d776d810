using ScottPlot;
using ScottPlot.TickGenerators;
using VideoSim.Models.Profiling;
using VideoSim.Tables;

namespace VideoSim.Pictures;

/// <summary>Plots in the colours of a theme, and what they have in common.</summary>
internal static class Plots
{
    private const int LineHeight = 18;
    private const double Margin = 0.03; // of a logarithmic axis

    /// <summary>Decades of a logarithmic axis: from the power of ten below the values to the one above.</summary>
    public static (int From, int To) Decades(IEnumerable<double> values)
    {
        double[] logarithms = [.. values.Select(Math.Log10)];
        int from = (int)Math.Floor(logarithms.Min());
        return (from, Math.Max(from + 1, (int)Math.Ceiling(logarithms.Max())));
    }

    /// <summary>A plot whose coordinates are its pixels, from its upper left corner.</summary>
    public static Plot Area(Theme theme, int width, int height)
    {
        var plot = Empty(theme);
        plot.HideAxesAndGrid();
        plot.Layout.Frameless();
        plot.Axes.SetLimits(0, width, height, 0);
        return plot;
    }

    /// <summary>A plot with two logarithmic axes; its values are logarithms to the base 10.</summary>
    /// <param name="theme">Its colours.</param>
    /// <param name="x">Powers of ten at the ends of the lower axis.</param>
    /// <param name="y">Powers of ten at the ends of the left axis.</param>
    /// <param name="ofX">A power of ten as text below the lower axis.</param>
    /// <param name="ofY">A power of ten as text beside the left axis.</param>
    public static Plot Logarithmic(Theme theme, (int From, int To) x, (int From, int To) y, Func<int, string> ofX, Func<int, string> ofY)
    {
        const int left = 54, right = 20, bottom = 24, top = 2;
        var plot = Empty(theme);
        plot.Layout.Fixed(new PixelPadding(left, right, bottom, top));
        plot.Axes.Title.IsVisible = false;
        // Half a marker, so that values at the ends are whole.
        double marginX = Margin * (x.To - x.From), marginY = Margin * (y.To - y.From);
        plot.Axes.SetLimits(x.From - marginX, x.To + marginX, y.From - marginY, y.To + marginY);
        SetTicks(plot.Axes.Bottom, x, 4, ofX, theme);
        SetTicks(plot.Axes.Left, y, 5, ofY, theme);
        plot.Axes.Right.FrameLineStyle.IsVisible = plot.Axes.Top.FrameLineStyle.IsVisible = false;
        plot.Grid.MajorLineColor = theme.Grid;
        return plot;
    }

    /// <summary>Puts a plot with a title above it on a page. The numbers are pixels.</summary>
    public static void Place(SvgPage page, Theme theme, Plot plot, string title, int left, int top, int width, int height)
    {
        const int titleHeight = 24, margin = 12;
        var heading = Area(theme, width, titleHeight);
        heading.Write(title, margin, titleHeight / 2, Letters.Large, theme.Text, width: width - 2 * margin);
        page.Place(heading, left, top, width, titleHeight);
        page.Place(plot, left, top + titleHeight, width, height - titleHeight);
    }

    /// <summary>Adds text to a plot. It is shortened if it is wider than <paramref name="width"/> pixels.</summary>
    public static void Write(this Plot plot, string text, double x, double y, float size, Color color, Alignment alignment = Alignment.MiddleLeft, double width = SvgPage.Width)
    {
        var label = plot.Add.Text(Letters.Fit(text, size, width), x, y);
        label.LabelFontSize = size;
        label.LabelFontColor = color;
        label.LabelAlignment = alignment;
    }

    /// <summary>The title, and below it the machine, the day and the commit.</summary>
    /// <returns>The height in pixels.</returns>
    public static int Head(SvgPage page, Theme theme, string title, BenchRun run) => Head(page, theme, title, Comparison.Machine(run), Comparison.Conditions(run));

    /// <inheritdoc cref="Head(SvgPage, Theme, string, BenchRun)"/>
    public static int Head(SvgPage page, Theme theme, string title, string machine, string dayAndCommit)
    {
        const int height = 58;
        var plot = Area(theme, SvgPage.Width, height);
        plot.Write(title, 12, 20, Letters.Title, theme.Text, width: SvgPage.Width - 24);
        string conditions = $", {dayAndCommit}";
        double room = SvgPage.Width - 24 - Letters.WidthOf(conditions, Letters.Small);
        plot.Write($"{Letters.Fit(machine, Letters.Small, room)}{conditions}", 12, 42, Letters.Small, theme.Quiet, width: SvgPage.Width - 24);
        page.Place(plot, 0, 0, SvgPage.Width, height);
        return height;
    }

    /// <summary>Lines of text at the end of a page.</summary>
    public static void Foot(SvgPage page, Theme theme, int top, params string[] lines)
    {
        int height = LineHeight * lines.Length + 8;
        var plot = Area(theme, SvgPage.Width, height);
        for (int i = 0; i < lines.Length; i++)
            plot.Write(lines[i], 12, LineHeight * (i + 0.5), Letters.Small, theme.Quiet, width: SvgPage.Width - 24);
        page.Place(plot, 0, top, SvgPage.Width, height);
    }

    private static Plot Empty(Theme theme)
    {
        var plot = new Plot();
        plot.Font.Set(Letters.Family);
        plot.FigureBackground.Color = plot.DataBackground.Color = Colors.Transparent;
        plot.Axes.Color(theme.Quiet);
        return plot;
    }

    private static void SetTicks(IAxis axis, (int From, int To) decades, int most, Func<int, string> text, Theme theme)
    {
        var ticks = new NumericManual();
        int step = (decades.To - decades.From + most) / most;
        for (int power = decades.From; power <= decades.To; power += step)
            ticks.AddMajor(power, text(power));
        axis.TickGenerator = ticks;
        axis.TickLabelStyle.FontSize = Letters.Small;
        axis.TickLabelStyle.ForeColor = theme.Quiet;
        axis.MajorTickStyle.Length = 3;
    }
}
