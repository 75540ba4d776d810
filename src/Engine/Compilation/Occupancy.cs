using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Compilation;

/// <summary>A GPU as its data sheet and the CUDA C++ programming guide describe it.</summary>
/// <param name="Name">Its name, such as "H100 SXM".</param>
/// <param name="Architecture">Its architecture, such as "sm_90".</param>
/// <param name="Multiprocessors">Number of multiprocessors.</param>
/// <param name="Clock">Boost clock in Hz.</param>
/// <param name="Bandwidth">Bytes per second of its memory.</param>
/// <param name="Warps">Most warps of a multiprocessor at once.</param>
/// <param name="Blocks">Most blocks of a multiprocessor at once.</param>
/// <param name="SharedBytes">Shared memory of a multiprocessor.</param>
public sealed record GpuModel(string Name, string Architecture, int Multiprocessors, double Clock, double Bandwidth, int Warps, int Blocks, int SharedBytes)
{
    /// <summary>32-bit registers of a multiprocessor, on all of these.</summary>
    internal const int Registers = 65536;

    private const int Schedulers = 4; // of a multiprocessor; each issues an instruction of a warp in a cycle

    /// <summary>One for each architecture.</summary>
    public static IReadOnlyList<GpuModel> All { get; } =
    [
        new("A100 SXM 80 GB", "sm_80", 108, 1.41e9, 2.039e12, 64, 32, 164 << 10), new("RTX 3090", "sm_86", 82, 1.695e9, 936e9, 48, 16, 100 << 10),
        new("H100 SXM", "sm_90", 132, 1.98e9, 3.35e12, 64, 32, 228 << 10),
    ];

    /// <summary>
    /// Seconds to issue a kernel's instructions if every scheduler issues one in every cycle. A loop counts once.
    /// </summary>
    /// <param name="instructions">Instructions in the kernel's code.</param>
    /// <param name="shape">The launch.</param>
    public double IssueSeconds(int instructions, LaunchShape shape) =>
        (double)shape.GridX * shape.GridY * shape.GridZ * Occupancy.WarpsOf(shape) * instructions / (Multiprocessors * Schedulers * Clock);
}

/// <summary>How many blocks of a launch a multiprocessor runs at once.</summary>
/// <param name="Blocks">Blocks at once; 0 if it cannot run one.</param>
/// <param name="Warps">Their warps.</param>
/// <param name="Share">These as a share of the most warps, 0 to 1.</param>
/// <param name="Limiter">What keeps another block out: warps, blocks, registers or shared memory.</param>
public sealed record Occupancy(int Blocks, int Warps, double Share, string Limiter)
{
    private const int WarpThreads = 32, RegisterUnit = 256, SharedUnit = 128;
    private const int ReservedBytes = 1 << 10; // of shared memory for each block, from sm_80 on

    /// <summary>The occupancy of a launch.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="resources">Registers and static shared memory of the kernel on it.</param>
    /// <param name="shape">Threads of a block, and its dynamic shared memory.</param>
    public static Occupancy Of(GpuModel gpu, KernelResources resources, LaunchShape shape)
    {
        int warps = WarpsOf(shape), registers = warps * RoundUp(Math.Max(1, resources.Registers) * WarpThreads, RegisterUnit);
        int shared = RoundUp(resources.SharedBytes + shape.SharedBytes + ReservedBytes, SharedUnit);
        var (blocks, limiter) = new[]
        {
            (gpu.Warps / warps, "warps"), (gpu.Blocks, "blocks"), (GpuModel.Registers / registers, "registers"), (gpu.SharedBytes / shared, "shared memory"),
        }.MinBy(static limit => limit.Item1);
        return new(blocks, blocks * warps, (double)(blocks * warps) / gpu.Warps, limiter);
    }

    /// <summary>Warps of a block.</summary>
    internal static int WarpsOf(LaunchShape shape) => RoundUp(shape.BlockX, WarpThreads) / WarpThreads;

    private static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;
}
