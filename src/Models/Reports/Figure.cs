using System.Globalization;

namespace VideoSim.Models.Reports;

/// <summary>A number and the text that shows it. Every number of a report gets its text here.</summary>
/// <param name="Value">The number.</param>
/// <param name="Text">The text.</param>
public readonly record struct Figure(double Value, string Text)
{
    private const string Minus = "\u2212";

    // From here on numbers are written with a power of ten, so that every text is short.
    private const double Large = 1e15, Small = 1e-9;

    private static readonly string[] Prefixes = ["n", "µ", "m", "", "k", "M", "G", "T"];

    /// <summary>A score or a cosine, with four decimals.</summary>
    public static Figure Score(double value) => new(value, Fixed(value, "F4"));

    /// <summary>A share of 1, in percent.</summary>
    public static Figure Percent(double value) => new(value, $"{Fixed(100 * value, "0.#")} %");

    /// <summary>A share of 1, in percent with one decimal, for columns.</summary>
    public static Figure Share(double value) => new(value, $"{Fixed(100 * value, "F1")} %");

    /// <summary>A whole number.</summary>
    public static Figure Count(double value) => new(value, Fixed(value, "N0"));

    /// <summary>A quantity with three digits and a prefix of SI, such as 12.3 k.</summary>
    public static Figure Quantity(double value) => new(value, Prefixed(value, 3, fills: true));

    /// <summary>A ratio, with one decimal.</summary>
    public static Figure Ratio(double value) => new(value, Fixed(value, "0.0"));

    /// <summary>Seconds as a duration, such as 2 h 5 min.</summary>
    public static Figure Duration(double seconds)
    {
        if (Math.Abs(seconds) >= Large)
            return new(seconds, $"{Power(seconds)} s");
        long whole = (long)Math.Round(seconds);
        return new(seconds, seconds < 10 ? $"{seconds.ToString("0.0", CultureInfo.InvariantCulture)} s" : whole < 60 ? $"{whole} s"
            : whole < 3600 ? $"{whole / 60} min {whole % 60} s" : $"{whole / 3600} h {whole % 3600 / 60} min");
    }

    /// <summary>All texts that a number can have, for tests.</summary>
    internal static IEnumerable<string> AllTexts(double value) =>
        new[] { Score(value), Percent(value), Share(value), Count(value), Quantity(value), Ratio(value), Duration(value) }.Select(static figure => figure.Text);

    /// <summary>A number with few digits for the tick of an axis.</summary>
    /// <param name="value">The number.</param>
    /// <param name="digits">Its digits.</param>
    internal static string Tick(double value, int digits = 4) => Prefixed(value, digits, fills: false);

    /// <summary>A learning rate for the tick of an axis, such as 5e-4.</summary>
    internal static string RateTick(double value) => value == 0 ? "0" : Power(value);

    /// <inheritdoc/>
    public override string ToString() => Text;

    // With fills, digits after the point are shown even if they are 0, so that columns are even.
    private static string Prefixed(double value, int digits, bool fills)
    {
        if (value == 0)
            return "0";
        double size = Math.Abs(value);
        if (size is >= Large or < Small)
            return Power(value);
        // Numbers from 0.001 to 9999 are readable without a prefix.
        if (size is >= 1e-3 and < 1e4)
            return Digits(value);
        int power = Math.Clamp((int)Math.Floor(Math.Log10(size) / 3), -3, 4);
        return $"{Digits(value / Math.Pow(1000, power))} {Prefixes[power + 3]}".TrimEnd();

        string Digits(double number)
        {
            double rounded = Round(number, digits);
            int decimals = Math.Max(0, digits - 1 - (int)Math.Floor(Math.Log10(Math.Abs(rounded))));
            return Signed(rounded.ToString(fills ? $"F{decimals}" : "0.############", CultureInfo.InvariantCulture));
        }
    }

    private static string Fixed(double value, string format) => Math.Abs(value) < Large ? Signed(value.ToString(format, CultureInfo.InvariantCulture)) : Power(value);

    private static string Power(double value) => Signed(value.ToString("0.##e-0", CultureInfo.InvariantCulture));

    private static double Round(double value, int digits) => double.Parse(value.ToString($"G{digits}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    // A number that rounds to 0 has no sign.
    private static string Signed(string text) => text.AsSpan().IndexOfAnyInRange('1', '9') < 0 ? text.TrimStart('-') : text.Replace("-", Minus, StringComparison.Ordinal);
}

/// <summary>A sentence of a report and the numbers in it.</summary>
/// <param name="Text">The sentence.</param>
/// <param name="Numbers">Its numbers.</param>
public sealed record Finding(string Text, IReadOnlyList<double> Numbers)
{
    /// <summary>A sentence with figures.</summary>
    internal static Finding Of(FormattableString sentence) =>
        new(sentence.ToString(CultureInfo.InvariantCulture), [.. sentence.GetArguments().OfType<Figure>().Select(static figure => figure.Value)]);
}
