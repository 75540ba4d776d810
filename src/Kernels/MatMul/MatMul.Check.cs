using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MatMul;

/// <summary>Checks of the matrix product.</summary>
public static class MatMulChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } = [];
}
