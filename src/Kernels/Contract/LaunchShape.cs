namespace VideoSim.Kernels.Contract;

/// <summary>Grid and block of a CUDA launch, and its dynamic shared memory.</summary>
/// <param name="GridX">Blocks along x.</param>
/// <param name="BlockX">Threads of a block along x.</param>
/// <param name="GridY">Blocks along y.</param>
/// <param name="GridZ">Blocks along z.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block, in bytes.</param>
public readonly record struct LaunchShape(int GridX, int BlockX, int GridY = 1, int GridZ = 1, int SharedBytes = 0);

/// <summary>Properties of a device on which a launch shape may depend.</summary>
/// <param name="Multiprocessors">Multiprocessors of the device.</param>
/// <param name="SharedBytesPerBlock">Largest dynamic shared memory of a block, in bytes, after opting in.</param>
public readonly record struct DeviceLimits(int Multiprocessors, int SharedBytesPerBlock);

/// <summary>FLOPs and moved bytes of a launch, as the kernel is designed. A roofline needs both.</summary>
/// <param name="Flops">
/// Floating-point operations. A sum, a product, a quotient, a comparison and a function such as exp or a square root
/// count as 1. A fused multiply-add counts as 2. A sign, a conversion and a random number count as 0.
/// </param>
/// <param name="MovedBytes">
/// Bytes that the kernel reads and writes by design: every value of its tensors once, and the partial sums for a
/// second kernel. If a launch reads its own results again, they come from a cache and are not counted.
/// </param>
public readonly record struct KernelCost(double Flops, double MovedBytes)
{
    /// <summary>Adds the work of two launches.</summary>
    public static KernelCost operator +(KernelCost a, KernelCost b) => new(a.Flops + b.Flops, a.MovedBytes + b.MovedBytes);

    /// <summary>Same as the operator.</summary>
    public static KernelCost Add(KernelCost left, KernelCost right) => left + right;
}
