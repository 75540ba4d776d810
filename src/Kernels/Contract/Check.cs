using System.Numerics;
using System.Runtime.InteropServices;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Contract;

/// <summary>How a kernel uses a buffer of a check.</summary>
public enum BufferRole
{
    /// <summary>Read only.</summary>
    Input,

    /// <summary>Written; compared with the reference.</summary>
    Output,

    /// <summary>Read and written; compared with the reference.</summary>
    InOut,

    /// <summary>Scratch between the launches of a check; not compared.</summary>
    Workspace,
}

/// <summary>One buffer of a check: host bytes before the launch, an address during it.</summary>
public sealed unsafe class CheckBuffer(string name, BufferRole role, byte[] data, ElementType element)
{
    /// <summary>Type of the elements.</summary>
    public ElementType Element => element;

    /// <summary>Name in messages, as in the kernel's formulas.</summary>
    public string Name => name;

    /// <summary>Use.</summary>
    public BufferRole Role => role;

    /// <summary>
    /// Contents before the launch. Outputs begin as NaN, so an element that the kernel does not write is found.
    /// </summary>
    public byte[] Data => data;

    /// <summary>Converts the bytes of a buffer with such elements to floats.</summary>
    public float[] Decode(byte[] bytes) => element switch
    {
        ElementType.Float32 => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
        ElementType.BFloat16 => Array.ConvertAll(MemoryMarshal.Cast<byte, BFloat16>(bytes).ToArray(), static value => value.ToSingle()),
        _ => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), static value => (float)value),
    };

    /// <summary>Address of the buffer on the device. The runner sets it.</summary>
    public nint Address { get; set; }

    /// <summary>The address as floats.</summary>
    public float* Floats => (float*)Address;

    /// <summary>The address of values in the precision of the check.</summary>
    public void* Values => (void*)Address;

    /// <summary>The address as 32-bit integers.</summary>
    public int* Ints => (int*)Address;
}

/// <summary>Values of a check's buffers in the arithmetic of the reference.</summary>
/// <typeparam name="T">float64 for the exact values, fp32 for the plain version.</typeparam>
/// <param name="floats">Floating-point buffers.</param>
/// <param name="ints">Integer buffers.</param>
/// <param name="storesBFloat16">True if the plain version rounds the tensors between its formulas to bf16.</param>
public sealed class CheckValues<T>(IReadOnlyDictionary<string, T[]> floats, IReadOnlyDictionary<string, int[]> ints, bool storesBFloat16 = false)
    where T : struct, IBinaryFloatingPointIeee754<T>
{
    /// <summary>
    /// The plain version is a chain of kernels, one for each formula. Between two of them a tensor is in memory. This
    /// returns a value of that tensor: rounded to bf16 in the plain version of a bf16 check, unchanged otherwise.
    /// </summary>
    public T Stored(T value) => storesBFloat16 ? T.CreateChecked(BFloat16.Round(float.CreateChecked(value))) : value;

    /// <summary>The same for a whole tensor, in place.</summary>
    public T[] Stored(T[] values)
    {
        for (int i = 0; storesBFloat16 && i < values.Length; i++)
            values[i] = Stored(values[i]);
        return values;
    }

    /// <summary>A floating-point buffer; the reference writes its results into the outputs.</summary>
    public T[] this[string name] => floats[name];

    /// <summary>An integer buffer.</summary>
    public int[] Ints(string name) => ints[name];

    /// <summary>Writes a gradient to its buffer, or adds it where <paramref name="add"/> is 1.</summary>
    public void Deliver(string name, T[] gradient, int add)
    {
        var buffer = this[name];
        for (int i = 0; i < buffer.Length; i++)
            buffer[i] = add != 0 ? buffer[i] + gradient[i] : gradient[i];
    }
}

/// <summary>
/// Plain formulas, written once. In float64 they give the exact values. In fp32 they give the error of a plain
/// version.
/// </summary>
public interface ICheckReference
{
    /// <summary>Fills every output buffer from the inputs.</summary>
    void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>;
}

/// <summary>Shapes and inputs on which a check runs a kernel, or a chain of kernels.</summary>
/// <param name="Name">Shapes and switches, for messages.</param>
/// <param name="Buffers">All memory that the launches touch.</param>
/// <param name="Launch">Launches the kernels with addresses taken from the buffers.</param>
/// <param name="Reference">The expected values.</param>
/// <param name="Factor">
/// The kernel's error may be this many times the error of the plain version: 2 for forward, 3 for backward.
/// </param>
public sealed record CheckCase(string Name, IReadOnlyList<CheckBuffer> Buffers, Action<ICheckLauncher> Launch,
    ICheckReference Reference, double Factor)
{
    /// <summary>Why some blocks of the launches write nothing; null if every block writes.</summary>
    public string? SpareBlocks { get; init; }

    /// <summary>
    /// Why the launches move other bytes than their cost, which depends on shapes only; null if they move the same
    /// bytes.
    /// </summary>
    public string? OtherBytes { get; init; }

    /// <summary>
    /// For an output's name: what the bound of a CUDA kernel has in addition, because the kernel uses special
    /// functions where the plain formulas use exact ones. It follows from the documented errors of these functions.
    /// Null for nothing.
    /// </summary>
    public Func<string, double>? ErrorsOfSpecialFunctions { get; init; }

    /// <summary>The case for a machine whose special functions are exact, such as the emulator.</summary>
    public CheckCase WithExactFunctions => this with { ErrorsOfSpecialFunctions = null };
}

/// <summary>Launches the kernels of a check. The runner chooses the device.</summary>
public interface ICheckLauncher
{
    /// <summary>Runs one kernel to its end.</summary>
    void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged;
}

/// <summary>The checks of one kernel: the cases, each with the reference to compare with.</summary>
/// <param name="Kernel">The kernel that is checked.</param>
/// <param name="Cases">Odd, ragged and empty shapes, one at a time.</param>
/// <param name="BankWays">
/// Most words of one bank of shared memory that one access needs, over all cases. 1 means that there are no bank
/// conflicts. A larger number has a comment with the reason.
/// </param>
public sealed record KernelCheck(Kernel Kernel, Func<IEnumerable<CheckCase>> Cases, int BankWays = 1)
{
    /// <summary>Whether every launch has one block by design, such as one final sum.</summary>
    public bool OneBlock { get; init; }

    /// <summary>The checks of both kernels of a pair, on the same cases.</summary>
    public static IEnumerable<KernelCheck> OfPair<TArgs>(KernelPair<TArgs> pair, Func<ElementType, IEnumerable<CheckCase>> cases, Func<ElementType, int>? bankWays = null)
        where TArgs : unmanaged =>
        ElementTypes.Precisions.Select(precision => new KernelCheck(pair[precision], () => cases(precision), bankWays?.Invoke(precision) ?? 1));
}
