using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Contract;

/// <summary>
/// The type of a tensor's elements. Kernels take values of either precision, fp32 or bf16. They compute and sum in fp32, whatever the
/// precision is.
/// </summary>
public enum ElementType
{
    /// <summary>IEEE binary32.</summary>
    Float32,

    /// <summary>The upper half of binary32: its exponent, 8 significant bits.</summary>
    BFloat16,

    /// <summary>IEEE binary16: rows as they are stored in files.</summary>
    Float16,

    /// <summary>32-bit integers: indices, counts, bits.</summary>
    Int32,
}

/// <summary>Facts about element types.</summary>
public static class ElementTypes
{
    /// <summary>The types that the values of a network may have: its precision is one of them.</summary>
    public static IReadOnlyList<ElementType> Precisions { get; } = [ElementType.Float32, ElementType.BFloat16];

    /// <summary>Bytes of one element.</summary>
    public static int Size(this ElementType type) => type is ElementType.Float16 or ElementType.BFloat16 ? 2 : 4;

    /// <summary>The ending of the names of kernels for values of a precision.</summary>
    public static string Suffix(this ElementType precision) => precision == ElementType.Float32 ? "f32" : "bf16";

    /// <summary>The element type of a type of C#.</summary>
    /// <exception cref="ArgumentException">No tensor has such elements.</exception>
    public static ElementType Of<T>() where T : unmanaged =>
        typeof(T) == typeof(float) ? ElementType.Float32
        : typeof(T) == typeof(Half) ? ElementType.Float16
        : typeof(T) == typeof(BFloat16) ? ElementType.BFloat16
        : typeof(T) == typeof(int) || typeof(T) == typeof(uint) ? ElementType.Int32
        : throw new ArgumentException($"no tensor has elements of type {typeof(T).Name}");
}
