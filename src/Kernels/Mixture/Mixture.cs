using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Mixture;

/// <summary>Arguments of <see cref="Mixture.Forward"/>.</summary>
public unsafe struct MixtureArgs
{
    /// <summary>[Experts, Rows, C]</summary>
    public float* X;

    /// <summary>[Rows, Experts]</summary>
    public float* Weight;

    /// <summary>[Rows, C]</summary>
    public float* Y;

    /// <summary>Sizes.</summary>
    public int Experts, Rows, C;
}

/// <summary>Arguments of <see cref="Mixture.Backward"/>; either gradient may be null.</summary>
public unsafe struct MixtureGradArgs
{
    /// <summary>[Experts, Rows, C]</summary>
    public float* X;

    /// <summary>[Rows, Experts]</summary>
    public float* Weight;

    /// <summary>[Rows, C]</summary>
    public float* dY;

    /// <summary>[Experts, Rows, C]</summary>
    public float* dX;

    /// <summary>[Rows, Experts]</summary>
    public float* dWeight;

    /// <summary>Sizes.</summary>
    public int Experts, Rows, C;

    /// <summary>1 to add to the gradient.</summary>
    public int AddX, AddWeight;
}

/// <summary>What the experts say, weighted row by row: y[b] = sum over k of w[b, k] x[k, b].</summary>
public static unsafe partial class Mixture
{
    private const string File = "Mixture.cu";
    private const int Warps = 8, Threads = 32 * Warps; // of a CUDA block

    private static readonly string[] Macros = [$"WARPS={Warps}"];

    /// <summary>Mixes. Items: rows.</summary>
    public static readonly Kernel<MixtureArgs> Forward = new("mixture_forward_f32")
    {
        Family = "mixture",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in MixtureArgs a, in DeviceLimits _) => new(a.Rows, Threads, (a.C + Threads - 1) / Threads),
        CountItems = static (in MixtureArgs a) => a.Rows,
        Twin = MixRows,
        CountCost = static (in MixtureArgs a) =>
            new(2.0 * a.Experts * a.Rows * a.C, 4.0 * a.Rows * ((a.Experts + 1.0) * a.C + a.Experts)),
    };

    /// <summary>dx[k, b] = w[b, k] dy[b]; dw[b, k] = x[k, b] . dy[b]. Items: rows.</summary>
    public static readonly Kernel<MixtureGradArgs> Backward = new("mixture_backward_f32")
    {
        Family = "mixture",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in MixtureGradArgs a, in DeviceLimits _) => new(a.Rows, Threads),
        CountItems = static (in MixtureGradArgs a) => a.Rows,
        Twin = DifferentiateRows,
        CountCost = static (in MixtureGradArgs a) =>
        {
            double mixed = (double)a.Experts * a.Rows * a.C;
            double forX = a.dX == null ? 0 : mixed * (1 + a.AddX), forWeight = a.dWeight == null ? 0 : mixed;
            return new(forX + 2 * forWeight, 4 * (forX + forWeight + (double)a.Rows * (a.C + 2 * a.Experts)));
        },
    };
}
