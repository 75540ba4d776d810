using System.Globalization;
using Spectre.Console;

namespace VideoSim.Cli.Output;

/// <summary>The texts of progress.</summary>
internal static class ProgressText
{
    /// <summary>Work in progress: <c>1200/3000 (40%), 12.3/s, loss 0.25, 2m 24s left</c>.</summary>
    /// <param name="done">Units done.</param>
    /// <param name="earlier">Units that an earlier run did.</param>
    /// <param name="total">All units; 0 if unknown.</param>
    /// <param name="elapsed">Time since this run began the work.</param>
    /// <param name="text">Other text to show; may be empty.</param>
    public static string Running(long done, long earlier, long total, TimeSpan elapsed, string text)
    {
        double rate = RateOf(done - earlier, elapsed);
        return Join(
            total > 0 ? string.Create(CultureInfo.InvariantCulture, $"{done}/{total} ({100 * done / total}%)") : $"{done}",
            Rate(rate),
            text,
            total > done && rate > 0 ? $"{Time(TimeSpan.FromSeconds(Math.Min((total - done) / rate, LongestSeconds)))} left" : "");
    }

    /// <summary>Finished work: <c>3000 in 4m 05s, 12.3/s, loss 0.21</c>.</summary>
    public static string Finished(long done, long earlier, TimeSpan elapsed, string text) => Join(
        string.Create(CultureInfo.InvariantCulture, $"{done - earlier} in {Time(elapsed)}"),
        Rate(RateOf(done - earlier, elapsed)),
        text);

    /// <summary>A time in its two largest units.</summary>
    public static string Time(TimeSpan time) => time switch
    {
        { TotalSeconds: < 10 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0}s"),
        { TotalMinutes: < 1 } => $"{time.Seconds}s",
        { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{time.Minutes}m {time.Seconds:00}s"),
        { TotalDays: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{time.Hours}h {time.Minutes:00}m"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.Days}d {time.Hours:00}h"),
    };

    /// <summary>As much of the text as fits into so many columns of a terminal; Chinese characters take two.</summary>
    public static string Cut(string text, int columns)
    {
        int used = 0;
        for (int i = 0; i < text.Length; i++)
        {
            used += text[i].GetCellWidth();
            if (used > columns)
                return text[..i];
        }
        return text;
    }

    // A century: longer times are not shown more exactly.
    private const double LongestSeconds = 100 * 365.0 * 86_400;

    private static double RateOf(long units, TimeSpan elapsed) =>
        elapsed > TimeSpan.Zero ? units / elapsed.TotalSeconds : 0;

    private static string Rate(double rate) => rate switch
    {
        <= 0 => "",
        < 1 => string.Create(CultureInfo.InvariantCulture, $"{Time(TimeSpan.FromSeconds(Math.Min(1 / rate, LongestSeconds)))} each"),
        < 10 => string.Create(CultureInfo.InvariantCulture, $"{rate:0.00}/s"),
        < 100 => string.Create(CultureInfo.InvariantCulture, $"{rate:0.0}/s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{rate:0}/s"),
    };

    private static string Join(params string[] parts) => string.Join(", ", parts.Where(part => part.Length > 0));
}
