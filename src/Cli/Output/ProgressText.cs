using System.Globalization;
using Spectre.Console;

namespace VideoSim.Cli.Output;

/// <summary>The texts of progress.</summary>
internal static class ProgressText
{
    /// <summary>
    /// Work in progress, such as <c>pretrain mix: 12/30 (40%), 2.3/s, loss 0.25, validation 0.61, 8s left</c>. If that
    /// is too wide, whole parts are left out: first the percentage, then the label, the loss, the rate, the other text
    /// and the time left. As much of the label is shown as fits beside the rest: all, or its end, or nothing.
    /// </summary>
    /// <param name="label">Name of the work.</param>
    /// <param name="done">Units done.</param>
    /// <param name="earlier">Units that an earlier run did.</param>
    /// <param name="total">All units; 0 if unknown.</param>
    /// <param name="elapsed">Time since this run began the work.</param>
    /// <param name="text">
    /// Other text to show, its parts separated by commas, the least important first; may be empty.
    /// </param>
    /// <param name="columns">Columns of the terminal; <see cref="int.MaxValue"/> for a pipe.</param>
    /// <returns>The label or its end with a colon, or nothing, and the rest of the line.</returns>
    public static (string Label, string State) Running(string label, long done, long earlier, long total, TimeSpan elapsed, string text, int columns)
    {
        double rate = RateOf(done - earlier, elapsed);
        string count = total > 0 ? $"{done}/{total}" : $"{done}", percent = total > 0 ? $" ({100 * done / total}%)" : "", speed = Rate(rate),
            left = total > done && rate > 0 ? $"{Time(TimeSpan.FromSeconds(Math.Min((total - done) / rate, LongestSeconds)))} left" : "";
        string[] texts = text.Split(", ");
        string[] names = [$"{label}: ", $"{label[(label.IndexOf(' ', StringComparison.Ordinal) + 1)..]}: ", ""];
        if (!Fits(names[0]))
            percent = "";
        foreach (var drop in new Action[] { () => texts = texts[1..], () => speed = "", () => texts = [], () => left = "" }.TakeWhile(_ => !Fits("")))
            drop();
        return (names.FirstOrDefault(Fits) ?? "", TextLayout.Cut(State(), columns));

        bool Fits(string name) => name.GetCellWidth() + State().GetCellWidth() <= columns;

        string State() => Join([$"{count}{percent}", speed, .. texts, left]);
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
