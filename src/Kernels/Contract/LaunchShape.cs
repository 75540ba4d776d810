namespace VideoSim.Kernels.Contract;

/// <summary>Grid and block of a CUDA launch, and its dynamic shared memory.</summary>
/// <param name="GridX">Blocks along x.</param>
/// <param name="BlockX">Threads of a block along x.</param>
/// <param name="GridY">Blocks along y.</param>
/// <param name="GridZ">Blocks along z.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block, in bytes.</param>
public readonly record struct LaunchShape(int GridX, int BlockX, int GridY = 1, int GridZ = 1, int SharedBytes = 0);

/// <summary>What a launch shape may depend on besides the arguments.</summary>
/// <param name="Multiprocessors">Multiprocessors of the device.</param>
/// <param name="SharedBytesPerBlock">Largest dynamic shared memory of a block, in bytes, after opting in.</param>
public readonly record struct DeviceLimits(int Multiprocessors, int SharedBytesPerBlock);

/// <summary>The work that a kernel does by design: what a roofline needs.</summary>
/// <param name="Flops">
/// Floating-point operations: a sum, a product, a quotient, a comparison and a function such as exp or a square root count as one each, a fused
/// multiply-add as two, a sign, a conversion and a random number as none.
/// </param>
/// <param name="MovedBytes">
/// Bytes that it reads and writes by design: every value of a tensor once, and what it leaves for a second kernel. What a launch reads again of its
/// own results is not counted: it comes from a cache.
/// </param>
public readonly record struct KernelCost(double Flops, double MovedBytes)
{
    /// <summary>Adds the work of two launches.</summary>
    public static KernelCost operator +(KernelCost a, KernelCost b) => new(a.Flops + b.Flops, a.MovedBytes + b.MovedBytes);

    /// <summary>Same as the operator.</summary>
    public static KernelCost Add(KernelCost left, KernelCost right) => left + right;
}
