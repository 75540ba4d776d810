using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Elementwise;

/// <summary>Two tensors and the result for each pair of their elements.</summary>
public unsafe struct ElementwiseArgs
{
    /// <summary>[Count]</summary>
    public void* A, B, Y;

    /// <summary>Elements.</summary>
    public long Count;
}

/// <summary>Arguments of <see cref="ElementwiseKernels.AddBackward"/>; either gradient may be null, and both may be one.</summary>
public unsafe struct AddGradArgs
{
    /// <summary>[Count]</summary>
    public void* dY;

    /// <summary>[Count]</summary>
    public void* dA, dB;

    /// <summary>Elements.</summary>
    public long Count;

    /// <summary>1 to add to the gradient.</summary>
    public int AddA, AddB;
}

/// <summary>Arguments of <see cref="ElementwiseKernels.MultiplyBackward"/>; either gradient may be null, and both may be one.</summary>
public unsafe struct MultiplyGradArgs
{
    /// <summary>[Count]</summary>
    public void* A, B, dY;

    /// <summary>[Count]</summary>
    public void* dA, dB;

    /// <summary>Elements.</summary>
    public long Count;

    /// <summary>1 to add to the gradient.</summary>
    public int AddA, AddB;
}

/// <summary>Sums and products of two tensors of one shape, element by element.</summary>
public static unsafe partial class ElementwiseKernels
{
    /// <summary>Elements of an item.</summary>
    public const int BlockElements = 4096;

    private const int Threads = 256; // of a CUDA block: each takes 16 elements, 16 bytes at a time

    private static readonly KernelFile File = new("elementwise", "Elementwise.cu", $"BLOCK_ELEMENTS={BlockElements}", $"THREADS={Threads}");

    /// <summary>y = a + b. Items: blocks of elements.</summary>
    public static readonly KernelPair<ElementwiseArgs> Add = new("add_forward", static (entry, precision) => Forward(entry, precision, AddBlocks));

    /// <summary>y = a b. Items: blocks of elements.</summary>
    public static readonly KernelPair<ElementwiseArgs> Multiply = new("multiply_forward", static (entry, precision) => Forward(entry, precision, MultiplyBlocks));

    /// <summary>da = dy; db = dy. Items: blocks of elements.</summary>
    public static readonly KernelPair<AddGradArgs> AddBackward = new("add_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in AddGradArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
        CountItems = static (in AddGradArgs a) => Blocks(a.Count),
        Twin = precision == ElementType.Float32 ? DifferentiateSums : null,
        CountCost = (in AddGradArgs a) =>
        {
            int valuesOfA = a.dA == null ? 0 : 1 + a.AddA, valuesOfB = a.dB == null ? 0 : 1 + a.AddB;
            return new((double)(a.AddA + a.AddB) * a.Count, precision.Size() * (1.0 + valuesOfA + valuesOfB) * a.Count);
        },
    });

    /// <summary>da = dy b; db = dy a. Items: blocks of elements.</summary>
    public static readonly KernelPair<MultiplyGradArgs> MultiplyBackward = new("multiply_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in MultiplyGradArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
        CountItems = static (in MultiplyGradArgs a) => Blocks(a.Count),
        Twin = precision == ElementType.Float32 ? DifferentiateProducts : null,
        CountCost = (in MultiplyGradArgs a) =>
        {
            int ofA = a.dA == null ? 0 : 1 + a.AddA, ofB = a.dB == null ? 0 : 1 + a.AddB; // operations of a value; its bytes are one factor more
            int factors = (a.dA == null ? 0 : 1) + (a.dB == null ? 0 : 1);
            return new((double)(ofA + ofB) * a.Count, precision.Size() * (1.0 + factors + ofA + ofB) * a.Count);
        },
    });

    private static Kernel<ElementwiseArgs> Forward(string entry, ElementType precision, Twin<ElementwiseArgs> twin) => new(entry)
    {
        From = File,
        LaunchShape = static (in ElementwiseArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
        CountItems = static (in ElementwiseArgs a) => Blocks(a.Count),
        Twin = precision == ElementType.Float32 ? twin : null,
        CountCost = (in ElementwiseArgs a) => new(a.Count, precision.Size() * 3.0 * a.Count),
    };

    private static int Blocks(long count) => checked((int)((count + BlockElements - 1) / BlockElements));
}
