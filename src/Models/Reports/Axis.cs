namespace VideoSim.Models.Reports;

/// <summary>Maps values to places, with ticks on round numbers.</summary>
internal sealed class Axis
{
    private readonly double _low, _high, _from, _to;
    private readonly bool _isLogarithmic;

    // Values that differ by less, for their size, are drawn as equal ones: ticks between them need too many digits.
    private const double SmallestRange = 1e-9;
    private const double SmallestSize = 1e-100; // below, a step would have few digits; drawn as 0
    private const int FewestDigits = 4;

    private Axis(double low, double high, double from, double to, bool isLogarithmic, IReadOnlyList<double> ticks, int digits = FewestDigits) =>
        (_low, _high, _from, _to, _isLogarithmic, Ticks, TickDigits) = (low, high, from, to, isLogarithmic, ticks, digits);

    /// <summary>The place of the smallest value.</summary>
    public double From => _from;

    /// <summary>The place of the largest value.</summary>
    public double To => _to;

    /// <summary>The round numbers in its range.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>The digits that tell two ticks apart.</summary>
    public int TickDigits { get; }

    /// <summary>An axis of evenly spaced numbers.</summary>
    /// <param name="low">Smallest value.</param>
    /// <param name="high">Largest value.</param>
    /// <param name="from">Place of the smallest value.</param>
    /// <param name="to">Place of the largest value.</param>
    /// <param name="ticks">Number of ticks to aim at.</param>
    /// <param name="wholeNumbers">Whether all ticks must be whole.</param>
    public static Axis Linear(double low, double high, double from, double to, int ticks, bool wholeNumbers = false)
    {
        double size = Math.Max(Math.Abs(low), Math.Abs(high));
        if (size < SmallestSize || !(high - low > SmallestRange * size))
        {
            double half = Math.Max(size < SmallestSize ? 1 : size / 10, wholeNumbers ? 1 : 0);
            (low, high) = (wholeNumbers ? low : low - half, high + half);
        }
        double step = RoundStep((high - low) / ticks);
        if (wholeNumbers)
            step = Math.Max(1, step);
        double first = Math.Ceiling(low / step - 1e-9);
        // Multiples of the step, rounded to the digits that the step has.
        int decimals = (int)Math.Ceiling(-Math.Log10(step)) + 1;
        var all = new List<double>();
        for (int i = 0; i <= 4 * ticks && (first + i) * step <= high + step * 1e-9; i++)
            all.Add(decimals is >= 0 and <= 15 ? Math.Round((first + i) * step, decimals) : (first + i) * step);
        int digits = (int)(Math.Floor(Math.Log10(size > 0 ? size : 1)) - Math.Floor(Math.Log10(step))) + 1;
        return new Axis(low, high, from, to, false, all, Math.Max(FewestDigits, digits));
    }

    /// <summary>An axis of evenly spaced powers, for positive values.</summary>
    /// <inheritdoc cref="Linear"/>
    public static Axis Logarithmic(double low, double high, double from, double to)
    {
        double[] factors = Math.Log10(high / low) switch { < 1.5 => [1, 2, 5], < 4 => [1, 3], _ => [1] };
        var all = new List<double>();
        for (int power = (int)Math.Floor(Math.Log10(low)); power <= Math.Log10(high); power++)
            all.AddRange(factors.Select(factor => factor * Math.Pow(10, power)).Where(tick => tick >= low * 0.999 && tick <= high * 1.001));
        int stride = (all.Count + 5) / 6;
        return new Axis(Math.Log(low), Math.Log(high), from, to, true, [.. all.Where((_, i) => i % stride == 0)]);
    }

    /// <summary>The place of a value; values outside are put at the end.</summary>
    public double this[double value]
    {
        get
        {
            double at = _isLogarithmic ? Math.Log(Math.Max(value, double.Epsilon)) : value;
            return _from + Math.Clamp((at - _low) / (_high - _low), 0, 1) * (_to - _from);
        }
    }

    // 1, 2 or 5 times a power of ten, near a size.
    private static double RoundStep(double size)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(size))), digit = size / power;
        return power * (digit <= 1.5 ? 1 : digit <= 3 ? 2 : digit <= 7 ? 5 : 10);
    }
}
