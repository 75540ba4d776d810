using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Mixture;

/// <summary>Arguments of <see cref="MixtureKernels.Forward"/>.</summary>
public unsafe struct MixtureArgs
{
    /// <summary>[Experts, Rows, C]</summary>
    public void* X;

    /// <summary>[Rows, Experts]</summary>
    public void* Weight;

    /// <summary>[Rows, C]</summary>
    public void* Y;

    /// <summary>Sizes.</summary>
    public int Experts, Rows, C;
}

/// <summary>Arguments of <see cref="MixtureKernels.Backward"/>; either gradient may be null.</summary>
public unsafe struct MixtureGradArgs
{
    /// <summary>[Experts, Rows, C]</summary>
    public void* X;

    /// <summary>[Rows, Experts]</summary>
    public void* Weight;

    /// <summary>[Rows, C]</summary>
    public void* dY;

    /// <summary>[Experts, Rows, C]</summary>
    public void* dX;

    /// <summary>[Rows, Experts]</summary>
    public void* dWeight;

    /// <summary>Sizes.</summary>
    public int Experts, Rows, C;

    /// <summary>1 to add to the gradient.</summary>
    public int AddX, AddWeight;
}

/// <summary>What the experts say, weighted row by row: y[b] = sum over k of w[b, k] x[k, b].</summary>
public static unsafe partial class MixtureKernels
{
    private const int Warps = 8, Threads = 32 * Warps; // of a CUDA block

    private const double OperationsOfTerm = 2; // times the weight, summed

    private static readonly KernelFile File = new("mixture", "Mixture.cu", $"WARPS={Warps}");

    /// <summary>Mixes. Items: rows.</summary>
    public static readonly KernelPair<MixtureArgs> Forward = new("mixture_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = (in MixtureArgs a, in DeviceLimits _) => new(a.Rows, Threads, ColumnBlocks(a.C, precision)),
        CountItems = static (in MixtureArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? MixRows : null,
        CountCost = (in MixtureArgs a) => new(OperationsOfTerm * a.Experts * a.Rows * a.C, precision.Size() * a.Rows * ((a.Experts + 1.0) * a.C + a.Experts)),
    });

    /// <summary>dx[k, b] = w[b, k] dy[b]; dw[b, k] = x[k, b] . dy[b]. Items: rows.</summary>
    public static readonly KernelPair<MixtureGradArgs> Backward = new("mixture_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in MixtureGradArgs a, in DeviceLimits _) => new(a.Rows, Threads),
        CountItems = static (in MixtureGradArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? DifferentiateRows : null,
        CountCost = (in MixtureGradArgs a) =>
        {
            double mixed = (double)a.Experts * a.Rows * a.C;
            double forX = a.dX == null ? 0 : mixed * (1 + a.AddX), forWeight = a.dWeight == null ? 0 : mixed;
            return new(forX + OperationsOfTerm * forWeight, precision.Size() * (forX + forWeight + a.Rows * (a.C + a.Experts * ((a.dX == null ? 0.0 : 1) + (a.dWeight == null ? 0 : 1 + a.AddWeight)))));
        },
    });

    private static int ColumnBlocks(int width, ElementType precision)
    {
        int columns = Threads * 16 / precision.Size(); // of a block
        return (width + columns - 1) / columns;
    }
}
