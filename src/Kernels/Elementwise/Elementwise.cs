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

/// <summary>The gradient of the result and those of both tensors. Either of these may be null, and both may be one.</summary>
public unsafe struct ElementwiseGradArgs
{
    /// <summary>[Count]; a sum reads neither A nor B.</summary>
    public void* A, B, dY;

    /// <summary>[Count]</summary>
    public void* dA, dB;

    /// <summary>Elements.</summary>
    public long Count;

    /// <summary>1 to add to the gradient.</summary>
    public int AddA, AddB;
}

/// <summary>Sums, products and gates of two tensors of one shape, element by element.</summary>
public static unsafe partial class ElementwiseKernels
{
    /// <summary>Elements of an item.</summary>
    public const int BlockElements = 4096;

    private const int Threads = 256; // of a CUDA block: each takes 16 elements, 16 bytes at a time

    private const double OperationsOfGate = 4; // sigmoid: exp, plus 1, inverse; times a
    private const double OperationsOfGateGradient = 4; // of b, beside those: 1 less sigmoid, three products

    private static readonly KernelFile File = new("elementwise", "Elementwise.cu", $"BLOCK_ELEMENTS={BlockElements}", $"THREADS={Threads}");

    /// <summary>y = a + b. Items: blocks of elements.</summary>
    public static readonly KernelPair<ElementwiseArgs> Add = new("add_forward", static (entry, precision) => Forward(entry, precision, operations: 1, AddBlocks));

    /// <summary>y = a b. Items: blocks of elements.</summary>
    public static readonly KernelPair<ElementwiseArgs> Multiply = new("multiply_forward", static (entry, precision) => Forward(entry, precision, operations: 1, MultiplyBlocks));

    /// <summary>y = a sigmoid(b): the excitation of squeeze-and-excitation. Items: blocks of elements.</summary>
    public static readonly KernelPair<ElementwiseArgs> Gate = new("sigmoid_gate_forward", static (entry, precision) => Forward(entry, precision, OperationsOfGate, GateBlocks));

    /// <summary>da = dy; db = dy. Items: blocks of elements.</summary>
    public static readonly KernelPair<ElementwiseGradArgs> AddBackward = new("add_backward", static (entry, precision) => Backward(entry, precision, DifferentiateSums,
        static (in ElementwiseGradArgs a) => (a.AddA + a.AddB, 0)));

    /// <summary>da = dy b; db = dy a. Items: blocks of elements.</summary>
    public static readonly KernelPair<ElementwiseGradArgs> MultiplyBackward = new("multiply_backward", static (entry, precision) => Backward(entry, precision, DifferentiateProducts,
        static (in ElementwiseGradArgs a) => (Moved(a.dA, a.AddA) + Moved(a.dB, a.AddB), Moved(a.dA, 0) + Moved(a.dB, 0))));

    /// <summary>da = dy sigmoid(b); db = dy a sigmoid(b) (1 - sigmoid(b)). Items: blocks of elements.</summary>
    public static readonly KernelPair<ElementwiseGradArgs> GateBackward = new("sigmoid_gate_backward", static (entry, precision) => Backward(entry, precision, DifferentiateGates,
        static (in ElementwiseGradArgs a) => (OperationsOfGate + OperationsOfGateGradient * Moved(a.dB, 0) + a.AddA + a.AddB, 1 + Moved(a.dB, 0))));

    // Operations of an element, and how many of its two inputs are read.
    private delegate (double Operations, int InputsRead) WorkOf(in ElementwiseGradArgs a);

    private static Kernel<ElementwiseArgs> Forward(string entry, ElementType precision, double operations, Twin<ElementwiseArgs> twin) => new(entry)
    {
        From = File,
        LaunchShape = static (in ElementwiseArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
        CountItems = static (in ElementwiseArgs a) => Blocks(a.Count),
        Twin = precision == ElementType.Float32 ? twin : null,
        CountCost = (in ElementwiseArgs a) => new(operations * a.Count, precision.Size() * 3.0 * a.Count),
    };

    private static Kernel<ElementwiseGradArgs> Backward(string entry, ElementType precision, Twin<ElementwiseGradArgs> twin, WorkOf work) => new(entry)
    {
        From = File,
        LaunchShape = static (in ElementwiseGradArgs a, in DeviceLimits _) => new(Blocks(a.Count), Threads),
        CountItems = static (in ElementwiseGradArgs a) => Blocks(a.Count),
        Twin = precision == ElementType.Float32 ? twin : null,
        CountCost = (in ElementwiseGradArgs a) =>
        {
            var (operations, inputsRead) = work(a);
            return new(operations * a.Count, precision.Size() * (1.0 + inputsRead + Moved(a.dA, a.AddA) + Moved(a.dB, a.AddB)) * a.Count);
        },
    };

    // Values that a gradient moves for each element.
    private static int Moved(void* gradient, int add) => gradient == null ? 0 : 1 + add;

    private static int Blocks(long count) => checked((int)((count + BlockElements - 1) / BlockElements));
}
