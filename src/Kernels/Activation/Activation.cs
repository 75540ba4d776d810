using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Activation;

/// <summary>Forward: y = f(x), element by element.</summary>
public unsafe struct ActivationForwardArgs
{
    /// <summary>[Count]</summary>
    public float* X;

    /// <summary>[Count]</summary>
    public float* Y;

    /// <summary>Number of elements.</summary>
    public long Count;
}

/// <summary>Backward: dX = dY f'(x).</summary>
public unsafe struct ActivationBackwardArgs
{
    /// <summary>[Count]</summary>
    public float* dY;

    /// <summary>[Count]: y for relu, tanh and sigmoid, whose slope it gives; x for gelu.</summary>
    public float* Kept;

    /// <summary>[Count]</summary>
    public float* dX;

    /// <summary>Number of elements.</summary>
    public long Count;

    /// <summary>1 to add to <see cref="dX"/>.</summary>
    public int Add;
}

/// <summary>A function and its slope, with the kernels of both.</summary>
/// <param name="Forward">y = f(x). Items: blocks of elements.</param>
/// <param name="Backward">dX = dY f'(x). Items: blocks of elements.</param>
/// <param name="KeepsInput">Whether backward wants x rather than y.</param>
public sealed record ActivationKernels(Kernel<ActivationForwardArgs> Forward, Kernel<ActivationBackwardArgs> Backward, bool KeepsInput);

/// <summary>Elementwise functions. Each pair of kernels is the same loop around another function.</summary>
public static unsafe partial class Activations
{
    /// <summary>Elements of a work item.</summary>
    public const int BlockElements = 4096;

    private const string File = "Activation.cu";
    private const int Threads = 256; // each takes 4 elements at a time, 4 times over a block

    private static readonly string[] Macros = [$"BLOCK_ELEMENTS={BlockElements}", $"THREADS={Threads}"];

    /// <summary>max(x, 0); slope 0 at 0.</summary>
    public static readonly ActivationKernels Relu = Create<ReluFunction>("relu", flops: 1, keepsInput: false);

    /// <summary>x cdf(x), the exact form of x (1 + erf(x / sqrt 2)) / 2.</summary>
    public static readonly ActivationKernels Gelu = Create<GeluFunction>("gelu", flops: 34, keepsInput: true);

    /// <summary>Hyperbolic tangent.</summary>
    public static readonly ActivationKernels Tanh = Create<TanhFunction>("tanh", flops: 32, keepsInput: false);

    /// <summary>1 / (1 + e^-x)</summary>
    public static readonly ActivationKernels Sigmoid = Create<SigmoidFunction>("sigmoid", flops: 20, keepsInput: false);

    private static ActivationKernels Create<TFunction>(string name, int flops, bool keepsInput) where TFunction : struct, IFunction => new(
        new($"{name}_forward_f32")
        {
            Family = "activation",
            Source = File,
            Defines = Macros,
            LaunchShape = static (in ActivationForwardArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
            CountItems = static (in ActivationForwardArgs a) => Blocks(a.Count),
            Twin = ForwardBlocks<TFunction>,
            CountCost = (in ActivationForwardArgs a) => new((double)flops * a.Count, 8.0 * a.Count),
        },
        new($"{name}_backward_f32")
        {
            Family = "activation",
            Source = File,
            Defines = Macros,
            LaunchShape = static (in ActivationBackwardArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
            CountItems = static (in ActivationBackwardArgs a) => Blocks(a.Count),
            Twin = BackwardBlocks<TFunction>,
            // The slope of gelu costs what gelu does; the others' is a product or two.
            CountCost = (in ActivationBackwardArgs a) => new((keepsInput ? flops + 2.0 : 3.0) * a.Count, 4.0 * (3 + a.Add) * a.Count),
        },
        keepsInput);

    private static int Blocks(long count) => checked((int)((count + BlockElements - 1) / BlockElements));
}
