using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;

namespace VideoSim.Kernels.Tests.Contract;

/// <summary>
/// A number in float64 that counts operations. Plain formulas that run on it count their floating-point operations. A
/// sum, a product, a quotient, a comparison and a function such as exp count as one each; a sign and a conversion
/// count as none.
/// </summary>
internal readonly partial struct CountedNumber(double value) : IBinaryFloatingPointIeee754<CountedNumber>
{
    [ThreadStatic]
    private static long _operations;

    private readonly double _value = value;

    /// <summary>Operations of this thread so far.</summary>
    public static long Operations => _operations;

    private static CountedNumber Done(double value)
    {
        _operations++;
        return new(value);
    }

    private static bool Done(bool value)
    {
        _operations++;
        return value;
    }

    public static CountedNumber operator +(CountedNumber left, CountedNumber right) => Done(left._value + right._value);
    public static CountedNumber operator -(CountedNumber left, CountedNumber right) => Done(left._value - right._value);
    public static CountedNumber operator *(CountedNumber left, CountedNumber right) => Done(left._value * right._value);
    public static CountedNumber operator /(CountedNumber left, CountedNumber right) => Done(left._value / right._value);
    public static CountedNumber operator %(CountedNumber left, CountedNumber right) => Done(left._value % right._value);
    public static CountedNumber operator ++(CountedNumber value) => Done(value._value + 1);
    public static CountedNumber operator --(CountedNumber value) => Done(value._value - 1);
    public static CountedNumber operator -(CountedNumber value) => new(-value._value);
    public static CountedNumber operator +(CountedNumber value) => value;
    public static bool operator >(CountedNumber left, CountedNumber right) => Done(left._value > right._value);
    public static bool operator >=(CountedNumber left, CountedNumber right) => Done(left._value >= right._value);
    public static bool operator <(CountedNumber left, CountedNumber right) => Done(left._value < right._value);
    public static bool operator <=(CountedNumber left, CountedNumber right) => Done(left._value <= right._value);
    public static bool operator ==(CountedNumber left, CountedNumber right) => Done(left._value == right._value);
    public static bool operator !=(CountedNumber left, CountedNumber right) => Done(left._value != right._value);
    public int CompareTo(CountedNumber other) => Done(_value).CompareWith(other);
    public static CountedNumber Max(CountedNumber x, CountedNumber y) => Done(Math.Max(x._value, y._value));
    public static CountedNumber Min(CountedNumber x, CountedNumber y) => Done(Math.Min(x._value, y._value));
    public static CountedNumber Clamp(CountedNumber value, CountedNumber min, CountedNumber max) => Done(Math.Clamp(value._value, min._value, max._value));
    public static CountedNumber Abs(CountedNumber value) => new(Math.Abs(value._value));
    public static CountedNumber FusedMultiplyAdd(CountedNumber left, CountedNumber right, CountedNumber addend) => left * right + addend;

    public static CountedNumber Exp(CountedNumber x) => Done(Math.Exp(x._value));
    public static CountedNumber Log(CountedNumber x) => Done(Math.Log(x._value));
    public static CountedNumber LogP1(CountedNumber x) => Done(double.LogP1(x._value));
    public static CountedNumber Pow(CountedNumber x, CountedNumber y) => Done(Math.Pow(x._value, y._value));
    public static CountedNumber Sqrt(CountedNumber x) => Done(Math.Sqrt(x._value));
    public static CountedNumber Tanh(CountedNumber x) => Done(Math.Tanh(x._value));

    public static CountedNumber One => new(1);
    public static CountedNumber Zero => new(0);
    public static CountedNumber NegativeOne => new(-1);
    public static CountedNumber NegativeZero => new(-0.0);
    public static CountedNumber AdditiveIdentity => Zero;
    public static CountedNumber MultiplicativeIdentity => One;
    public static CountedNumber Epsilon => new(double.Epsilon);
    public static CountedNumber NaN => new(double.NaN);
    public static CountedNumber NegativeInfinity => new(double.NegativeInfinity);
    public static CountedNumber PositiveInfinity => new(double.PositiveInfinity);
    public static CountedNumber E => new(Math.E);
    public static CountedNumber Pi => new(Math.PI);
    public static CountedNumber Tau => new(Math.Tau);
    public static int Radix => 2;

    public static bool IsFinite(CountedNumber value) => double.IsFinite(value._value);
    public static bool IsInfinity(CountedNumber value) => double.IsInfinity(value._value);
    public static bool IsInteger(CountedNumber value) => double.IsInteger(value._value);
    public static bool IsEvenInteger(CountedNumber value) => double.IsEvenInteger(value._value);
    public static bool IsOddInteger(CountedNumber value) => double.IsOddInteger(value._value);
    public static bool IsNaN(CountedNumber value) => double.IsNaN(value._value);
    public static bool IsNegative(CountedNumber value) => double.IsNegative(value._value);
    public static bool IsPositive(CountedNumber value) => double.IsPositive(value._value);
    public static bool IsNegativeInfinity(CountedNumber value) => double.IsNegativeInfinity(value._value);
    public static bool IsPositiveInfinity(CountedNumber value) => double.IsPositiveInfinity(value._value);
    public static bool IsNormal(CountedNumber value) => double.IsNormal(value._value);
    public static bool IsSubnormal(CountedNumber value) => double.IsSubnormal(value._value);
    public static bool IsRealNumber(CountedNumber value) => double.IsRealNumber(value._value);
    public static bool IsPow2(CountedNumber value) => double.IsPow2(value._value);
    public static bool IsZero(CountedNumber value) => value._value == 0;
    public static bool IsCanonical(CountedNumber value) => true;
    public static bool IsComplexNumber(CountedNumber value) => false;
    public static bool IsImaginaryNumber(CountedNumber value) => false;

    // A formula that leaves for float64 does so for a function that numbers do not have, such as erf.
    public static bool TryConvertToChecked<TOther>(CountedNumber value, [MaybeNullWhen(false)] out TOther result) where TOther : INumberBase<TOther>
    {
        result = TOther.CreateChecked(Done(value._value)._value);
        return true;
    }

    public static bool TryConvertFromChecked<TOther>(TOther value, out CountedNumber result) where TOther : INumberBase<TOther>
    {
        result = new(double.CreateChecked(value));
        return true;
    }

    public bool Equals(CountedNumber other) => _value.Equals(other._value);
    public override bool Equals(object? obj) => obj is CountedNumber other && Equals(other);
    public override int GetHashCode() => _value.GetHashCode();
    public override string ToString() => _value.ToString(CultureInfo.InvariantCulture);

    private int CompareWith(CountedNumber other) => _value.CompareTo(other._value);
}
