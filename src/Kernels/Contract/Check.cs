using System.Numerics;
using System.Runtime.InteropServices;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Contract;

/// <summary>What a kernel does with a buffer of a check.</summary>
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
    /// <summary>What the elements are.</summary>
    public ElementType Element => element;

    /// <summary>Name in messages, as in the kernel's formulas.</summary>
    public string Name => name;

    /// <summary>Use.</summary>
    public BufferRole Role => role;

    /// <summary>Contents before the launch; outputs begin as NaN, so that an unwritten element is seen.</summary>
    public byte[] Data => data;

    /// <summary>What bytes of a buffer of this kind hold, whatever its elements are.</summary>
    public float[] Decode(byte[] bytes) => element switch
    {
        ElementType.Float32 => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
        ElementType.BFloat16 => Array.ConvertAll(MemoryMarshal.Cast<byte, BFloat16>(bytes).ToArray(), static value => value.ToSingle()),
        _ => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), static value => (float)value),
    };

    /// <summary>Where the runner put the buffer, on whatever device it runs.</summary>
    public nint Address { get; set; }

    /// <summary>The address as floats.</summary>
    public float* Floats => (float*)Address;

    /// <summary>The address of values in the precision of the check.</summary>
    public void* Values => (void*)Address;

    /// <summary>The address as 32-bit integers.</summary>
    public int* Ints => (int*)Address;
}

/// <summary>Values of a check's buffers in the arithmetic of the reference.</summary>
/// <typeparam name="T">float64 for the truth, fp32 for the plain same-precision version.</typeparam>
/// <param name="floats">Floating-point buffers.</param>
/// <param name="ints">Integer buffers.</param>
/// <param name="storesBFloat16">Whether the plain version keeps what it computes in bf16 from one formula to the next.</param>
public sealed class CheckValues<T>(IReadOnlyDictionary<string, T[]> floats, IReadOnlyDictionary<string, int[]> ints, bool storesBFloat16 = false)
    where T : struct, IBinaryFloatingPointIeee754<T>
{
    /// <summary>
    /// A value as it is read back where a plain version, a chain of one kernel for each formula, would keep it in memory between two of them:
    /// rounded in the plain version of a bf16 check, itself otherwise.
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

/// <summary>Plain formulas, written once and run in float64 (the truth) and in fp32 (how far an honest version may be off).</summary>
public interface ICheckReference
{
    /// <summary>Fills every output buffer from the inputs.</summary>
    void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>;
}

/// <summary>One set of shapes and inputs to run a kernel, or a chain of kernels, on.</summary>
/// <param name="Name">Shapes and switches, for messages.</param>
/// <param name="Buffers">All memory that the launches touch.</param>
/// <param name="Launch">Launches the kernels with addresses taken from the buffers.</param>
/// <param name="Reference">The expected values.</param>
/// <param name="Factor">How many times the plain version's error the kernel may have: 2 for forward, 3 for backward.</param>
public sealed record CheckCase(string Name, IReadOnlyList<CheckBuffer> Buffers, Action<ICheckLauncher> Launch,
    ICheckReference Reference, double Factor)
{
    /// <summary>Why some blocks of the case's launches write nothing; null where every block writes.</summary>
    public string? SpareBlocks { get; init; }

    /// <summary>Why the case's launches move other bytes than their cost says, which knows shapes alone; null where they move those.</summary>
    public string? OtherBytes { get; init; }
}

/// <summary>How a check launches a kernel; the runner decides on what device.</summary>
public interface ICheckLauncher
{
    /// <summary>Runs one kernel to its end.</summary>
    void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged;
}

/// <summary>The checks of one kernel: which shapes to try, and the reference they are held to.</summary>
/// <param name="Kernel">The kernel that is checked.</param>
/// <param name="Cases">Odd, ragged and empty shapes, one at a time.</param>
/// <param name="BankWays">
/// The most words of one bank of shared memory that an access of the kernel needs at once in any case; 1: there are no
/// bank conflicts. A larger number has its reason beside it.
/// </param>
public sealed record KernelCheck(Kernel Kernel, Func<IEnumerable<CheckCase>> Cases, int BankWays = 1)
{
    /// <summary>The checks of both kernels of a pair, on the same cases.</summary>
    public static IEnumerable<KernelCheck> OfPair<TArgs>(KernelPair<TArgs> pair, Func<ElementType, IEnumerable<CheckCase>> cases, Func<ElementType, int>? bankWays = null)
        where TArgs : unmanaged =>
        ElementTypes.Precisions.Select(precision => new KernelCheck(pair[precision], () => cases(precision), bankWays?.Invoke(precision) ?? 1));
}
