using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Profiling;

/// <summary>
/// Rated clocks and cache size of a GPU, not its current clocks; null for what the driver does not report.
/// </summary>
/// <param name="Megahertz">Clock of its multiprocessors.</param>
/// <param name="MemoryMegahertz">Clock of its memory.</param>
/// <param name="L2Bytes">Size of its second-level cache.</param>
public sealed record GpuClocks(int? Megahertz, int? MemoryMegahertz, int? L2Bytes);

/// <summary>The conditions of a bench, as part of its result.</summary>
/// <param name="Date">When the bench began, UTC, as in ISO 8601.</param>
/// <param name="Commit">
/// The commit of the program, from <see cref="Surroundings.CommitVariable"/> or else from the build; null if neither
/// has it.
/// </param>
/// <param name="Machine">Cores, runtime, system.</param>
/// <param name="Processor">Model of the CPU.</param>
/// <param name="Driver">
/// Version of the GPU's kernel module, else the CUDA version of its driver; null on other devices.
/// </param>
/// <param name="Clocks">Clocks of a GPU; null on other devices.</param>
public partial record BenchConditions(string Date, string? Commit, string Machine, string Processor, string? Driver, GpuClocks? Clocks)
{
    private const string DriverInfo = "/proc/driver/nvidia/version";

    /// <summary>The conditions at this moment.</summary>
    /// <param name="device">The device that is timed.</param>
    /// <param name="clock">Gives the time.</param>
    public static BenchConditions Of(Device device, TimeProvider clock) => new(
        clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        Surroundings.Commit,
        $"{Environment.ProcessorCount} cores, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}",
        Surroundings.Processor,
        device is not CudaDevice ? null : (CudaEmulator.IsInPlace ? null : ModuleVersionOf(Surroundings.LinesOf(DriverInfo))) ?? CudaInventory.Take().Driver.Version?.ToString(),
        device is CudaDevice { Properties: var known } ? new GpuClocks(known.Megahertz, known.MemoryMegahertz, known.L2Bytes) : null);

    /// <summary>The version from the lines of <c>/proc/driver/nvidia/version</c>.</summary>
    internal static string? ModuleVersionOf(IEnumerable<string> lines) =>
        lines.Select(static line => ModuleVersion().Match(line)).FirstOrDefault(static match => match.Success)?.Groups[1].Value;

    // NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 07:16:12 UTC 2025
    [GeneratedRegex(@"^NVRM version:.*?\s(\d+(?:\.\d+)+)\s")]
    private static partial Regex ModuleVersion();
}
