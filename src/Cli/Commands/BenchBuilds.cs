using VideoSim.Cli.Output;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Profiling;

namespace VideoSim.Cli.Commands;

/// <summary>The builds of kernels that <c>kernels bench</c> times in turn.</summary>
internal static class BenchBuilds
{
    /// <summary>
    /// Orders the builds: the default variant is the first, also if it is not named, because others are compared with
    /// it.
    /// </summary>
    public static IReadOnlyList<KernelBuild> DefaultFirst(IReadOnlyList<KernelBuild> builds, IReadOnlyList<Kernel> kernels)
    {
        var own = builds.FirstOrDefault(build => kernels.All(kernel => IsDefault(build, kernel)))?.Variant ?? Variant.Default;
        return [.. builds.DistinctBy(static build => build.Set).Select(build => build with { Variant = own }), .. builds.Where(build => !build.Variant.Equals(own))];
    }

    /// <summary>Loads builds to time on a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="builds">From <see cref="DefaultFirst"/>.</param>
    /// <param name="kernels">The kernels.</param>
    /// <param name="console">Receives notes and progress.</param>
    public static IReadOnlyList<TimedBuild> Load(CudaDevice device, IReadOnlyList<KernelBuild> builds, IReadOnlyList<Kernel> kernels, CommandConsole console)
    {
        var second = builds.FirstOrDefault(static build => build.Set.Length > 0)?.Sources is { } sources ? InstalledKernels.Open(sources) : null;
        var timed = new List<TimedBuild>();
        foreach (var (i, build) in builds.Index())
        {
            if (CudaEmulator.IsInPlace)
                AddToEmulator(build, kernels, console);
            bool isSecond = build.Set.Length > 0;
            timed.Add(new(build.Variant, build.SourcesName, device.StreamOf(isSecond ? second! : device.Images, Catalog.Kernels, build.Variant, build.Set), isSecond ? i - 1 : 0));
            if (!isSecond)
                continue;
            string architecture = device.Images.ArchitectureFor(device.ComputeCapability);
            foreach (var kernel in kernels.Where(kernel => BuildOptions.HaveSameCode(kernel, build.Variant, device.Images, second!, architecture)))
                console.Progress.Note($"{kernel.Entry}{(build.Variant.Values.Count == 0 ? "" : $" {build.Variant}")}: both sets of sources give the same machine code, so a difference is noise");
        }
        return timed;
    }

    private static bool IsDefault(KernelBuild build, Kernel kernel)
    {
        var defaults = SourceMacros.Of(kernel, build.Sources);
        return build.Variant.Values.All(value => defaults[value.Key] == value.Value);
    }

    private static void AddToEmulator(KernelBuild build, IReadOnlyList<Kernel> kernels, CommandConsole console)
    {
        KernelUnit[] added = [.. KernelUnit.Group(Catalog.Kernels).Where(unit => unit.Kernels.Any(kernels.Contains)).Select(unit => unit.With(build.Variant, build.Set)).Where(static unit => unit.Suffix.Length > 0)];
        if (added.Length == 0)
            return;
        using var progress = new EmulatorProgress(console.Progress);
        CudaEmulator.Add(UserCache.Emulator, build.Sources, added, progress.Report);
    }
}
