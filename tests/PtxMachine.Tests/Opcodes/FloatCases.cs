namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>Floating-point numbers, against integers of any length that are rounded once.</summary>
internal static class FloatCases
{
    private static readonly string[] Comparisons = ["eq", "ne", "lt", "le", "gt", "ge"];

    public static IEnumerable<OpcodeCase> All => [.. Of("f32", "f"), .. Of("f64", "fd"), .. Directed];

    private static IEnumerable<OpcodeCase> Of(string type, string kind)
    {
        var format = Format.Of(type);
        ulong[] values = Values.OfFloat(format);
        OpcodeCase One(string name, Func<ulong, ulong> function) => OpcodeCase.Of($"{name}.{type}", $"{kind} {kind}", [values], x => function(x[0]), format);
        OpcodeCase Two(string name, Func<ulong, ulong, ulong> function) => OpcodeCase.Of($"{name}.{type}", $"{kind} {kind} {kind}", [values, values], x => function(x[0], x[1]), format);
        OpcodeCase Compare(string name, Func<ulong, ulong, bool> function) =>
            OpcodeCase.Of($"setp.{name}.{type}", $"p {kind} {kind}", [values, values], x => function(x[0], x[1]) ? 1UL : 0);

        foreach (string rounding in new[] { "", ".rn" })
        {
            yield return Two($"add{rounding}", (a, b) => format.Add(a, b));
            yield return Two($"sub{rounding}", (a, b) => format.Add(a, b ^ format.Sign));
            yield return Two($"mul{rounding}", format.Multiply);
        }
        yield return Two("div.rn", format.Divide);
        yield return One("rcp.rn", a => format.Divide(format.One, a));
        yield return One("sqrt.rn", format.SquareRoot);
        yield return One("abs", a => a & ~format.Sign);
        yield return One("neg", a => a ^ format.Sign);
        yield return Two("min", (a, b) => format.IsNaN(a) ? b : format.IsNaN(b) ? a : Order(format, a, b, -1) < 0 ? a : b);
        yield return Two("max", (a, b) => format.IsNaN(a) ? b : format.IsNaN(b) ? a : Order(format, a, b, -1) > 0 ? a : b);
        ulong[] some = [.. values.Where((_, i) => i % 2 == 0 || format.IsNaN(values[i]) || format.IsZero(values[i]))];
        yield return OpcodeCase.Of($"fma.rn.{type}", $"{kind} {kind} {kind} {kind}", [some, values, some], x => format.MultiplyAdd(x[0], x[1], x[2], Rounding.Nearest), format);

        bool IsOrdered(ulong a, ulong b) => !format.IsNaN(a) && !format.IsNaN(b);
        foreach (string comparison in Comparisons)
        {
            yield return Compare(comparison, (a, b) => IsOrdered(a, b) && IntegerCases.Holds(comparison, Order(format, a, b, 0)));
            yield return Compare($"{comparison}u", (a, b) => !IsOrdered(a, b) || IntegerCases.Holds(comparison, Order(format, a, b, 0)));
        }
        yield return Compare("num", IsOrdered);
        yield return Compare("nan", (a, b) => !IsOrdered(a, b));
    }

    // In all directions, and at sums that are zero, too large or too small.
    private static IEnumerable<OpcodeCase> Directed
    {
        get
        {
            var format = Format.F32;
            ulong[] values = Values.OfFloat(format), some = [.. values.Where((_, i) => i % 2 == 0 || format.IsZero(values[i]))];
            foreach (var (name, rounding) in new[] { ("rm", Rounding.Down), ("rp", Rounding.Up), ("rz", Rounding.Zero) })
                yield return OpcodeCase.Of($"fma.{name}.f32", "f f f f", [some, values, some], x => format.MultiplyAdd(x[0], x[1], x[2], rounding), format);
            yield return OpcodeCase.Of("add.rz.f32", "f f f", [values, values], x => format.Add(x[0], x[1], Rounding.Zero), format);
        }
    }

    // -1, 0 or 1. `zeros` is the order of -0 and 0.
    private static int Order(Format format, ulong a, ulong b, int zeros)
    {
        if (format.IsZero(a) && format.IsZero(b))
            return zeros * (format.IsNegative(b) ? 1 : 0).CompareTo(format.IsNegative(a) ? 1 : 0) * -1;
        return (format.IsNegative(a), format.IsNegative(b)) switch
        {
            (false, false) => a.CompareTo(b),
            (true, true) => b.CompareTo(a),
            (bool isNegative, _) => isNegative ? -1 : 1,
        };
    }
}
