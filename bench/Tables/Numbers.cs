using System.Globalization;

namespace VideoSim.Tables;

/// <summary>Numbers with units, as short as people read them.</summary>
public static class Numbers
{
    private static readonly (double Size, string Unit)[] Times = [(1000, "s"), (1, "ms"), (1e-3, "µs"), (1e-6, "ns")];
    private static readonly (double Size, string Unit)[] Counts = [(1e9, " G"), (1e6, " M"), (1e3, " k"), (1, "")];

    /// <summary>A time from milliseconds, such as "7.2 ms".</summary>
    public static string Time(double milliseconds)
    {
        var (size, unit) = Times.FirstOrDefault(unit => milliseconds >= unit.Size, Times[^1]);
        return $"{Digits(milliseconds / size)} {unit}";
    }

    /// <summary>A number of things, such as "393 k".</summary>
    public static string Count(double count)
    {
        var (size, unit) = Counts.FirstOrDefault(unit => count >= unit.Size, Counts[^1]);
        return $"{Digits(count / size)}{unit}";
    }

    /// <summary>A number of bytes, such as "499 MB".</summary>
    public static string Bytes(double bytes) => bytes >= 1e9 ? $"{Digits(bytes / 1e9)} GB" : $"{Digits(bytes / 1e6)} MB";

    /// <summary>Three digits, or all digits of a larger integer.</summary>
    public static string Digits(double value) => value.ToString(value >= 100 ? "N0" : value >= 10 ? "0.#" : "0.##", CultureInfo.InvariantCulture);

    /// <summary>The least and the largest share, in percent, such as "20 to 79 %".</summary>
    public static string Percent(double least, double most)
    {
        string from = (100 * least).ToString("0", CultureInfo.InvariantCulture), to = (100 * most).ToString("0", CultureInfo.InvariantCulture);
        return $"{(from == to ? from : $"{from} to {to}")} %";
    }
}
