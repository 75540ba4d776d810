using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.InteropServices;

namespace VideoSim.Fuzz;

/// <summary>A reader took a value that its file does not have, or refused a file that is valid.</summary>
internal sealed class WrongValueException(string what, string detail) : Exception($"{what}: {detail}")
{
    /// <summary>What is wrong, without values: equal for equal causes.</summary>
    public string What => what;
}

/// <summary>Comparisons of what was read with what an independent reader found.</summary>
internal static class Expect
{
    /// <summary>Fails unless a condition holds.</summary>
    public static void That([DoesNotReturnIf(false)] bool condition, string what, string detail = "")
    {
        if (!condition)
            throw new WrongValueException(what, detail);
    }

    /// <summary>Fails unless two values are equal. NaN equals NaN.</summary>
    public static void Equal<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
            throw new WrongValueException(what, $"expected {expected}, read {actual}");
    }

    /// <summary>Fails unless two lists are equal.</summary>
    public static void Items<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual, string what)
    {
        if (expected.Length != actual.Length)
            throw new WrongValueException(what, $"expected {expected.Length} values, read {actual.Length}");
        for (int i = 0; i < expected.Length; i++)
            Equal(expected[i], actual[i], what);
    }

    /// <summary>Fails unless the bits of two lists of floating-point numbers are equal.</summary>
    public static void EqualBits<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual, string what) where T : unmanaged, INumber<T> =>
        Items(MemoryMarshal.AsBytes(expected), MemoryMarshal.AsBytes(actual), what);
}
