using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Tests.Cuda;

public unsafe struct TensorCoreProbeArgs
{
    public uint* In, Out;
}

/// <summary>The kernels of TensorCoreProbe.cu: one for each function of TensorCore.cuh.</summary>
internal static class TensorCoreProbes
{
    public const string Source = "TensorCoreProbe.cu";

    public static readonly Kernel<TensorCoreProbeArgs> Multiply = Probe("mma"), Load = Probe("ldmatrix"), LoadTransposed = Probe("ldmatrix_trans"),
        Copy = Probe("cp_async");

    public static IEnumerable<Kernel> All => [Multiply, Load, LoadTransposed, Copy];

    private static Kernel<TensorCoreProbeArgs> Probe(string name) => new($"probe_{name}")
    {
        Source = Source,
        CountItems = static (in TensorCoreProbeArgs a) => 1,
        Twin = null,
        LaunchShape = static (in TensorCoreProbeArgs a, in DeviceLimits _) => new(1, 32),
        CountCost = static (in TensorCoreProbeArgs a) => default,
    };
}
