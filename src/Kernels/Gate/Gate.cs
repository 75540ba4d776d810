using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Gate;

/// <summary>Arguments of <see cref="GateKernels.Forward"/>.</summary>
public unsafe struct GateArgs
{
    /// <summary>[Count]: what is let through.</summary>
    public void* U;

    /// <summary>[Count]: how far each value's gate is open, before the sigmoid.</summary>
    public void* S;

    /// <summary>[Count]</summary>
    public void* Y;

    /// <summary>Elements.</summary>
    public long Count;
}

/// <summary>Arguments of <see cref="GateKernels.Backward"/>; either gradient may be null.</summary>
public unsafe struct GateGradArgs
{
    /// <summary>[Count]</summary>
    public void* U, S, dY;

    /// <summary>[Count]</summary>
    public void* dU, dS;

    /// <summary>Elements.</summary>
    public long Count;

    /// <summary>1 to add to the gradient.</summary>
    public int AddU, AddS;
}

/// <summary>y = u * sigmoid(s), element by element: the excitation of squeeze-and-excitation.</summary>
public static unsafe partial class GateKernels
{
    /// <summary>Elements of an item.</summary>
    public const int BlockElements = 4096;

    private const int Threads = 256; // of a CUDA block: each takes 16 elements, 16 bytes at a time

    private const double OperationsOfGate = 4; // sigmoid: exp, plus 1, inverse; times u
    private const double OperationsOfBackward = 8; // sigmoid 3, dY times it, times u; 1 less sigmoid, two products

    private static readonly KernelFile File = new("gate", "Gate.cu", $"BLOCK_ELEMENTS={BlockElements}", $"THREADS={Threads}");

    /// <summary>Gates. Items: blocks of elements.</summary>
    public static readonly KernelPair<GateArgs> Forward = new("sigmoid_gate_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in GateArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
        CountItems = static (in GateArgs a) => Blocks(a.Count),
        Twin = precision == ElementType.Float32 ? GateBlocks : null,
        CountCost = (in GateArgs a) => new(OperationsOfGate * a.Count, precision.Size() * 3.0 * a.Count),
    });

    /// <summary>du = dy * sigmoid(s); ds = dy * u * sigmoid(s) * (1 - sigmoid(s)). Items: blocks of elements.</summary>
    public static readonly KernelPair<GateGradArgs> Backward = new("sigmoid_gate_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in GateGradArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
        CountItems = static (in GateGradArgs a) => Blocks(a.Count),
        Twin = precision == ElementType.Float32 ? DifferentiateBlocks : null,
        CountCost = (in GateGradArgs a) =>
        {
            int ofU = a.dU == null ? 0 : 1 + a.AddU, ofS = a.dS == null ? 0 : 2 + a.AddS; // the gradient of s takes u as well
            return new((OperationsOfBackward + a.AddU + a.AddS) * a.Count, precision.Size() * (2.0 + ofU + ofS) * a.Count);
        },
    });

    private static int Blocks(long count) => checked((int)((count + BlockElements - 1) / BlockElements));
}
