using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Gate;

/// <summary>Arguments of <see cref="Gate.Forward"/>.</summary>
public unsafe struct GateArgs
{
    /// <summary>[Count]: what is let through.</summary>
    public float* U;

    /// <summary>[Count]: how far each value's gate is open, before the sigmoid.</summary>
    public float* S;

    /// <summary>[Count]</summary>
    public float* Y;

    /// <summary>Elements.</summary>
    public long Count;
}

/// <summary>Arguments of <see cref="Gate.Backward"/>; either gradient may be null.</summary>
public unsafe struct GateGradArgs
{
    /// <summary>[Count]</summary>
    public float* U, S, dY;

    /// <summary>[Count]</summary>
    public float* dU, dS;

    /// <summary>Elements.</summary>
    public long Count;

    /// <summary>1 to add to the gradient.</summary>
    public int AddU, AddS;
}

/// <summary>y = u * sigmoid(s), element by element: the excitation of squeeze-and-excitation.</summary>
public static unsafe partial class Gate
{
    /// <summary>Elements of an item.</summary>
    public const int BlockElements = 4096;

    private const string File = "Gate.cu";
    private const int Threads = 256; // of a CUDA block: each takes 16 elements

    private static readonly string[] Macros = [$"BLOCK_ELEMENTS={BlockElements}", $"THREADS={Threads}"];

    /// <summary>Gates. Items: blocks of elements.</summary>
    public static readonly Kernel<GateArgs> Forward = new("sigmoid_gate_forward_f32")
    {
        Family = "gate",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in GateArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
        CountItems = static (in GateArgs a) => Blocks(a.Count),
        Twin = GateBlocks,
        CountCost = static (in GateArgs a) => new(5.0 * a.Count, 12.0 * a.Count),
    };

    /// <summary>du = dy * sigmoid(s); ds = dy * u * sigmoid(s) * (1 - sigmoid(s)). Items: blocks of elements.</summary>
    public static readonly Kernel<GateGradArgs> Backward = new("sigmoid_gate_backward_f32")
    {
        Family = "gate",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in GateGradArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
        CountItems = static (in GateGradArgs a) => Blocks(a.Count),
        Twin = DifferentiateBlocks,
        CountCost = static (in GateGradArgs a) => new(9.0 * a.Count, 4.0 * (5 + a.AddU + a.AddS) * a.Count),
    };

    private static int Blocks(long count) => checked((int)((count + BlockElements - 1) / BlockElements));
}
