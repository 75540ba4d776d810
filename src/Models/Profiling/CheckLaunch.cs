using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;

namespace VideoSim.Models.Profiling;

/// <summary>The launch of a kernel that moves the most bytes in its checks: for kernels of no model.</summary>
/// <param name="Case">The case of the checks.</param>
/// <param name="Launch">The launch.</param>
public sealed record CheckLaunch(CheckCase Case, CountedLaunch Launch)
{
    /// <summary>Finds it. Nothing is run.</summary>
    public static CheckLaunch Largest(Kernel kernel) => Catalog.All.Where(check => check.Kernel == kernel).SelectMany(static check => check.Cases())
        .SelectMany(check => LaunchesIn(check).Where(launch => launch.Kernel == kernel), static (check, launch) => new CheckLaunch(check, launch)).MaxBy(static of => of.Launch.Cost.MovedBytes)!;

    private static IReadOnlyList<CountedLaunch> LaunchesIn(CheckCase check)
    {
        using var host = new CpuDevice(threads: 1);
        using var counting = new CountingStream();
        CheckRunner.Execute(host, check, counting);
        return [.. counting.InOrder];
    }
}
