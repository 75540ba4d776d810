using System.Globalization;
using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Models.Profiling;
using VideoSim.Models.Progress;

namespace VideoSim.Suite;

/// <summary>The machine, its clocks and its load at this moment.</summary>
internal static class MachineFacts
{
    private const string CpuInfo = "/proc/cpuinfo", LoadFile = "/proc/loadavg";

    /// <summary>The machine with its first GPU.</summary>
    public static BenchMachine Describe(CudaInventory cuda) => new(Surroundings.Processor, Environment.ProcessorCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, RuntimeInformation.OSDescription,
        cuda.Gpus is [var gpu, ..] ? new BenchGpu(gpu.Name, cuda.Driver.Version?.ToString()) : null);

    /// <summary>Versions of this program and of the libraries that it finds.</summary>
    public static Dictionary<string, string> Versions(CudaInventory cuda)
    {
        var versions = new Dictionary<string, string> { ["videosim"] = Surroundings.Version, ["dotnet"] = Environment.Version.ToString() };
        foreach (var (name, component) in new[] { ("driver", cuda.Driver), ("nvrtc", cuda.Compiler), ("cublaslt", cuda.Products) })
        {
            if (component.Version is { } version)
                versions[name] = version.ToString();
        }
        return versions;
    }

    /// <summary>The highest clock of a core, in MHz; null if the system does not tell.</summary>
    public static double? CpuMegahertz() => !File.Exists(CpuInfo) ? null : File.ReadLines(CpuInfo).Where(static line => line.StartsWith("cpu MHz", StringComparison.Ordinal))
        .Select(static line => (double?)double.Parse(line.Split(':')[1], CultureInfo.InvariantCulture)).Max();

    /// <summary>Load average of the last minute; null if the system does not tell.</summary>
    public static double? Load() => File.Exists(LoadFile) ? double.Parse(File.ReadAllText(LoadFile).Split(' ')[0], CultureInfo.InvariantCulture) : null;
}
