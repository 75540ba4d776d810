using System.Globalization;
using System.Numerics;

namespace VideoSim.Kernels.Tests.Contract;

/// <summary>What the interface requires of a number and no plain formula uses.</summary>
internal readonly partial struct CountedNumber
{
    private static InvalidOperationException Unused() => new("no plain formula was known to need this: count it");

    static CountedNumber IExponentialFunctions<CountedNumber>.Exp2(CountedNumber x) => throw Unused();
    static CountedNumber IExponentialFunctions<CountedNumber>.Exp10(CountedNumber x) => throw Unused();
    static CountedNumber ILogarithmicFunctions<CountedNumber>.Log2(CountedNumber x) => throw Unused();
    static CountedNumber ILogarithmicFunctions<CountedNumber>.Log10(CountedNumber x) => throw Unused();
    static CountedNumber ILogarithmicFunctions<CountedNumber>.Log(CountedNumber x, CountedNumber y) => throw Unused();
    static CountedNumber IBinaryNumber<CountedNumber>.Log2(CountedNumber x) => throw Unused();
    static CountedNumber IHyperbolicFunctions<CountedNumber>.Acosh(CountedNumber x) => throw Unused();
    static CountedNumber IHyperbolicFunctions<CountedNumber>.Asinh(CountedNumber x) => throw Unused();
    static CountedNumber IHyperbolicFunctions<CountedNumber>.Atanh(CountedNumber x) => throw Unused();
    static CountedNumber IHyperbolicFunctions<CountedNumber>.Cosh(CountedNumber x) => throw Unused();
    static CountedNumber IHyperbolicFunctions<CountedNumber>.Sinh(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.Acos(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.AcosPi(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.Asin(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.AsinPi(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.Atan(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.AtanPi(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.Cos(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.CosPi(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.Sin(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.SinPi(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.Tan(CountedNumber x) => throw Unused();
    static CountedNumber ITrigonometricFunctions<CountedNumber>.TanPi(CountedNumber x) => throw Unused();
    static (CountedNumber Sin, CountedNumber Cos) ITrigonometricFunctions<CountedNumber>.SinCos(CountedNumber x) => throw Unused();
    static (CountedNumber SinPi, CountedNumber CosPi) ITrigonometricFunctions<CountedNumber>.SinCosPi(CountedNumber x) => throw Unused();
    static CountedNumber IRootFunctions<CountedNumber>.Cbrt(CountedNumber x) => throw Unused();
    static CountedNumber IRootFunctions<CountedNumber>.Hypot(CountedNumber x, CountedNumber y) => throw Unused();
    static CountedNumber IRootFunctions<CountedNumber>.RootN(CountedNumber x, int n) => throw Unused();
    static CountedNumber IFloatingPointIeee754<CountedNumber>.BitDecrement(CountedNumber x) => throw Unused();
    static CountedNumber IFloatingPointIeee754<CountedNumber>.BitIncrement(CountedNumber x) => throw Unused();
    static CountedNumber IFloatingPointIeee754<CountedNumber>.Atan2(CountedNumber x, CountedNumber y) => throw Unused();
    static CountedNumber IFloatingPointIeee754<CountedNumber>.Atan2Pi(CountedNumber x, CountedNumber y) => throw Unused();
    static CountedNumber IFloatingPointIeee754<CountedNumber>.Ieee754Remainder(CountedNumber x, CountedNumber y) => throw Unused();
    static int IFloatingPointIeee754<CountedNumber>.ILogB(CountedNumber x) => throw Unused();
    static CountedNumber IFloatingPointIeee754<CountedNumber>.ScaleB(CountedNumber x, int n) => throw Unused();
    static CountedNumber IFloatingPoint<CountedNumber>.Round(CountedNumber x, int digits, MidpointRounding mode) => throw Unused();
    int IFloatingPoint<CountedNumber>.GetExponentByteCount() => throw Unused();
    int IFloatingPoint<CountedNumber>.GetExponentShortestBitLength() => throw Unused();
    int IFloatingPoint<CountedNumber>.GetSignificandBitLength() => throw Unused();
    int IFloatingPoint<CountedNumber>.GetSignificandByteCount() => throw Unused();
    bool IFloatingPoint<CountedNumber>.TryWriteExponentBigEndian(Span<byte> destination, out int bytesWritten) => throw Unused();
    bool IFloatingPoint<CountedNumber>.TryWriteExponentLittleEndian(Span<byte> destination, out int bytesWritten) => throw Unused();
    bool IFloatingPoint<CountedNumber>.TryWriteSignificandBigEndian(Span<byte> destination, out int bytesWritten) => throw Unused();
    bool IFloatingPoint<CountedNumber>.TryWriteSignificandLittleEndian(Span<byte> destination, out int bytesWritten) => throw Unused();
    static CountedNumber INumberBase<CountedNumber>.MaxMagnitude(CountedNumber x, CountedNumber y) => throw Unused();
    static CountedNumber INumberBase<CountedNumber>.MaxMagnitudeNumber(CountedNumber x, CountedNumber y) => throw Unused();
    static CountedNumber INumberBase<CountedNumber>.MinMagnitude(CountedNumber x, CountedNumber y) => throw Unused();
    static CountedNumber INumberBase<CountedNumber>.MinMagnitudeNumber(CountedNumber x, CountedNumber y) => throw Unused();
    static bool INumberBase<CountedNumber>.TryConvertFromSaturating<TOther>(TOther value, out CountedNumber result) => throw Unused();
    static bool INumberBase<CountedNumber>.TryConvertToSaturating<TOther>(CountedNumber value, out TOther result) => throw Unused();
    static bool INumberBase<CountedNumber>.TryConvertFromTruncating<TOther>(TOther value, out CountedNumber result) => throw Unused();
    static bool INumberBase<CountedNumber>.TryConvertToTruncating<TOther>(CountedNumber value, out TOther result) => throw Unused();
    static CountedNumber IBitwiseOperators<CountedNumber, CountedNumber, CountedNumber>.operator &(CountedNumber x, CountedNumber y) => throw Unused();
    static CountedNumber IBitwiseOperators<CountedNumber, CountedNumber, CountedNumber>.operator |(CountedNumber x, CountedNumber y) => throw Unused();
    static CountedNumber IBitwiseOperators<CountedNumber, CountedNumber, CountedNumber>.operator ^(CountedNumber x, CountedNumber y) => throw Unused();
    static CountedNumber IBitwiseOperators<CountedNumber, CountedNumber, CountedNumber>.operator ~(CountedNumber x) => throw Unused();
    static CountedNumber INumberBase<CountedNumber>.Parse(ReadOnlySpan<char> text, NumberStyles style, IFormatProvider? provider) => throw Unused();
    static bool INumberBase<CountedNumber>.TryParse(ReadOnlySpan<char> text, NumberStyles style, IFormatProvider? provider, out CountedNumber result) => throw Unused();
    static CountedNumber ISpanParsable<CountedNumber>.Parse(ReadOnlySpan<char> text, IFormatProvider? provider) => throw Unused();
    static bool ISpanParsable<CountedNumber>.TryParse(ReadOnlySpan<char> text, IFormatProvider? provider, out CountedNumber result) => throw Unused();
    static CountedNumber INumberBase<CountedNumber>.Parse(string text, NumberStyles style, IFormatProvider? provider) => throw Unused();
    static bool INumberBase<CountedNumber>.TryParse(string? text, NumberStyles style, IFormatProvider? provider, out CountedNumber result) => throw Unused();
    static CountedNumber IParsable<CountedNumber>.Parse(string text, IFormatProvider? provider) => throw Unused();
    static bool IParsable<CountedNumber>.TryParse(string? text, IFormatProvider? provider, out CountedNumber result) => throw Unused();
    bool ISpanFormattable.TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) => throw Unused();
    string IFormattable.ToString(string? format, IFormatProvider? provider) => throw Unused();
    int IComparable.CompareTo(object? obj) => throw Unused();
}
