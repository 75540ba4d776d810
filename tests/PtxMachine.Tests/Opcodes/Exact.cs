using System.Numerics;

namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>Directions of rounding, with the names of the PTX manual.</summary>
internal enum Rounding
{
    Nearest, Zero, Down, Up,
}

/// <summary>A binary floating-point format.</summary>
/// <param name="Bits">All bits.</param>
/// <param name="Precision">Bits of the significand, with the hidden one.</param>
/// <param name="Least">Exponent of the least number, which is 2 to this power.</param>
internal sealed record Format(int Bits, int Precision, int Least)
{
    public static readonly Format F16 = new(16, 11, -24), BFloat16 = new(16, 8, -133), F32 = new(32, 24, -149), F64 = new(64, 53, -1074);

    public static Format Of(string type) => type switch { "f16" => F16, "bf16" => BFloat16, "f32" => F32, _ => F64 };

    public ulong Infinity => ((1UL << (Bits - Precision)) - 1) << (Precision - 1);

    public ulong NaN => Infinity | 1UL << (Precision - 2);

    public ulong Sign => 1UL << (Bits - 1);

    public bool IsNaN(ulong bits) => (bits & ~Sign) > Infinity;

    public bool IsInfinite(ulong bits) => (bits & ~Sign) == Infinity;

    public bool IsNegative(ulong bits) => (bits & Sign) != 0;

    public bool IsZero(ulong bits) => (bits & ~Sign) == 0;

    /// <summary>A finite number as an integer, times 2 to the power of <see cref="Least"/>.</summary>
    public BigInteger Units(ulong bits)
    {
        int exponent = (int)((bits & ~Sign) >> (Precision - 1));
        BigInteger significand = bits & ((1UL << (Precision - 1)) - 1);
        var units = exponent == 0 ? significand : (significand | 1UL << (Precision - 1)) << (exponent - 1);
        return IsNegative(bits) ? -units : units;
    }

    /// <summary>The number next to a fraction. A zero has the sign of <paramref name="negative"/>.</summary>
    public ulong Round(bool negative, BigInteger numerator, BigInteger denominator, Rounding rounding)
    {
        if (Least < 0)
            numerator <<= -Least;
        // numerator / denominator is now the number of least numbers, and `shift` how many bits are too many.
        int shift = Math.Max(0, (int)(numerator / denominator).GetBitLength() - Precision);
        var units = BigInteger.DivRem(numerator, denominator << shift, out var rest);
        int half = (rest * 2).CompareTo(denominator << shift);
        bool away = rounding switch
        {
            Rounding.Nearest => half > 0 || (half == 0 && !units.IsEven),
            Rounding.Up => !negative && !rest.IsZero,
            Rounding.Down => negative && !rest.IsZero,
            _ => false,
        };
        units = (units + (away ? 1 : 0)) << shift;
        ulong largest = Infinity - 1;
        ulong bits = units > Units(largest)
            ? rounding == Rounding.Nearest || rounding == (negative ? Rounding.Down : Rounding.Up) ? Infinity : largest
            : Encode(units);
        return negative ? bits | Sign : bits;
    }

    private ulong Encode(BigInteger units)
    {
        int shift = Math.Max(0, (int)units.GetBitLength() - Precision);
        ulong significand = (ulong)(units >> shift), hidden = 1UL << (Precision - 1);
        return significand < hidden ? significand : (significand & (hidden - 1)) | (ulong)(shift + 1) << (Precision - 1);
    }

    /// <summary>a b + c, rounded once.</summary>
    public ulong MultiplyAdd(ulong a, ulong b, ulong c, Rounding rounding)
    {
        bool negative = IsNegative(a) != IsNegative(b);
        if (IsNaN(a) || IsNaN(b) || IsNaN(c))
            return NaN;
        if (IsInfinite(a) || IsInfinite(b))
            return IsZero(a) || IsZero(b) || (IsInfinite(c) && IsNegative(c) != negative) ? NaN : negative ? Infinity | Sign : Infinity;
        if (IsInfinite(c))
            return c;
        // Of both, the unit is 2 to the power of 2 `Least`.
        var product = Units(a) * Units(b);
        var sum = product + (Units(c) << -Least);
        bool isZeroNegative = product.IsZero && IsZero(c) && negative == IsNegative(c) ? negative : rounding == Rounding.Down;
        return Round(sum.IsZero ? isZeroNegative : sum.Sign < 0, BigInteger.Abs(sum), BigInteger.One << (-2 * Least), rounding);
    }

    public ulong Multiply(ulong a, ulong b) => MultiplyAdd(a, b, Sign, Rounding.Nearest); // the sign of a zero stays

    public ulong Add(ulong a, ulong b, Rounding rounding = Rounding.Nearest) => MultiplyAdd(a, One, b, rounding);

    public ulong One => Round(false, 1, 1, Rounding.Nearest);

    public ulong Divide(ulong a, ulong b)
    {
        bool negative = IsNegative(a) != IsNegative(b);
        ulong sign = negative ? Sign : 0;
        if (IsNaN(a) || IsNaN(b) || (IsInfinite(a) && IsInfinite(b)) || (IsZero(a) && IsZero(b)))
            return NaN;
        if (IsInfinite(a) || IsZero(b))
            return Infinity | sign;
        return IsInfinite(b) ? sign : Round(negative, BigInteger.Abs(Units(a)), BigInteger.Abs(Units(b)), Rounding.Nearest);
    }

    public ulong SquareRoot(ulong a)
    {
        if (IsZero(a) || IsNaN(a) || IsNegative(a))
            return IsZero(a) ? a : NaN;
        if (IsInfinite(a))
            return a;
        // The root with 200 bits more, and one bit that says whether there are others behind.
        const int More = 200;
        var square = Units(a) << ((2 * More) - (Least % 2 == 0 ? 0 : 1));
        BigInteger low = 0, high = BigInteger.One << ((int)(square.GetBitLength() / 2) + 1);
        while (high - low > 1)
        {
            var middle = (low + high) >> 1;
            (low, high) = middle * middle <= square ? (middle, high) : (low, middle);
        }
        int exponent = -(Least - (Least % 2 == 0 ? 0 : -1)) / 2; // of the denominator
        return Round(false, (low * 2) + (low * low == square ? 0 : 1), BigInteger.One << (exponent + More + 1), Rounding.Nearest);
    }

    /// <summary>A finite number in another format.</summary>
    public ulong To(Format other, ulong bits) => IsNaN(bits) ? other.NaN
        : IsInfinite(bits) ? other.Infinity | (IsNegative(bits) ? other.Sign : 0)
        : other.Round(IsNegative(bits), BigInteger.Abs(Units(bits)), BigInteger.One << -Least, Rounding.Nearest);

    /// <summary>An integer near a finite number.</summary>
    public BigInteger Integer(ulong bits, string rounding)
    {
        var units = Units(bits);
        var floor = units >> -Least; // towards negative infinity
        var rest = units - (floor << -Least);
        int half = (rest * 2).CompareTo(BigInteger.One << -Least);
        bool up = rounding switch
        {
            "rpi" => !rest.IsZero,
            "rzi" => units.Sign < 0 && !rest.IsZero,
            "rni" => half > 0 || (half == 0 && !floor.IsEven),
            _ => false,
        };
        return floor + (up ? 1 : 0);
    }
}
