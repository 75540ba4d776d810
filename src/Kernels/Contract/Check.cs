using System.Numerics;

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
public sealed unsafe class CheckBuffer(string name, BufferRole role, byte[] data, bool isInteger)
{
    /// <summary>Whether the elements are 32-bit integers rather than fp32.</summary>
    public bool IsInteger => isInteger;

    /// <summary>Name in messages, as in the kernel's formulas.</summary>
    public string Name => name;

    /// <summary>Use.</summary>
    public BufferRole Role => role;

    /// <summary>Contents before the launch; outputs begin as NaN, so that an unwritten element is seen.</summary>
    public byte[] Data => data;

    /// <summary>Where the runner put the buffer, on whatever device it runs.</summary>
    public nint Address { get; set; }

    /// <summary>The address as floats.</summary>
    public float* Floats => (float*)Address;

    /// <summary>The address as 32-bit integers.</summary>
    public int* Ints => (int*)Address;
}

/// <summary>Values of a check's buffers in the arithmetic of the reference.</summary>
/// <typeparam name="T">float64 for the truth, fp32 for the plain same-precision version.</typeparam>
public sealed class CheckValues<T>(IReadOnlyDictionary<string, T[]> floats, IReadOnlyDictionary<string, int[]> ints)
    where T : struct, IBinaryFloatingPointIeee754<T>
{
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
    ICheckReference Reference, double Factor);

/// <summary>How a check launches a kernel; the runner decides on what device.</summary>
public interface ICheckLauncher
{
    /// <summary>Runs one kernel to its end.</summary>
    void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged;
}

/// <summary>The checks of one kernel: which shapes to try, and the reference they are held to.</summary>
/// <param name="Kernel">The kernel that is checked.</param>
/// <param name="Cases">Odd, ragged and empty shapes, one at a time.</param>
public sealed record KernelCheck(Kernel Kernel, Func<IEnumerable<CheckCase>> Cases);
