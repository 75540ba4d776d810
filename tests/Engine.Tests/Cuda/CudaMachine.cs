using System.Runtime.InteropServices;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Where the device tests run: on the emulator, built with g++ when the first test asks, or on a real GPU where
/// VIDEOSIM_TEST_GPU is 1. One driver serves the whole process, so the tests share a collection.
/// </summary>
internal static unsafe class CudaMachine
{
    public const string Collection = "cuda";

    private const string GpuVariable = "VIDEOSIM_TEST_GPU";

    private static readonly Lazy<string?> Obstacle = new(Prepare);

    // One for all tests: a unit is compiled once.
    private static readonly Lazy<IKernelImages> Images = new(static () =>
        NativeLibraries.Nvrtc.Path is null && IsEmulator ? new EntryNames() : new KernelCompiler(Sources));

    public static bool IsEmulator => Environment.GetEnvironmentVariable(GpuVariable) != "1";

    /// <summary>The catalog's kernels, and in the emulator those with planted mistakes.</summary>
    private static IEnumerable<Kernel> Kernels => [.. Catalog.Kernels, .. PlantedKernels.All];

    private static KernelSources Sources => new([.. KernelSources.Embedded.Texts, new(PlantedKernels.Source, PlantedKernels.Text)]);

    /// <summary>Opens the device, or skips the test and says why.</summary>
    public static CudaDevice Open()
    {
        Assert.SkipWhen(Obstacle.Value is not null, Obstacle.Value ?? "");
        return CudaDevice.Open(0, Images.Value, Kernels);
    }

    /// <summary>Chooses the order in which the emulator runs threads, and whether it looks at every access to memory.</summary>
    public static void Configure(ulong schedule, bool check)
    {
        if (IsEmulator && Obstacle.Value is null)
            ((delegate* unmanaged<ulong, uint, int, void>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorConfigure"))(schedule, 2, check ? 1 : 0);
    }

    /// <summary>Device allocations that nobody freed.</summary>
    public static int LiveAllocations =>
        (int)((delegate* unmanaged<nuint>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorLiveAllocations"))();

    public static void SkipUnlessEmulator() => Assert.SkipUnless(IsEmulator, "a test of the emulator");

    public static void SkipWithoutNvrtc() => Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");

    private static string? Prepare()
    {
        if (!IsEmulator)
            return null;
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return "the CUDA emulator runs on Linux x64";
        if (!EmulatorBuild.HasCompiler())
            return "g++ was not found: install it (Debian: apt install g++), and the kernels run on the CUDA emulator";
        string folder = EmulatorBuild.Make(Path.Combine(AppContext.BaseDirectory, "emulator"), Sources, Kernels);
        string? others = Environment.GetEnvironmentVariable(NativeLibraries.PathVariable);
        Environment.SetEnvironmentVariable(NativeLibraries.PathVariable, others is null ? folder : $"{folder}{Path.PathSeparator}{others}");
        Assert.StartsWith(folder, NativeLibraries.Cuda.Path, StringComparison.Ordinal);
        return null;
    }

    /// <summary>Images that name the entries and hold no code: enough for the emulator where NVRTC is missing.</summary>
    private sealed class EntryNames : IKernelImages
    {
        public string ArchitectureFor(int computeCapability) => "compute_80";

        public KernelImage Compile(KernelUnit unit, string architecture) => new([.. ".version 8.0\n"u8,
            .. unit.Kernels.SelectMany(static kernel => System.Text.Encoding.UTF8.GetBytes($".entry {kernel.Entry}(")), 0], new Dictionary<string, KernelResources>(), "");
    }
}

[CollectionDefinition(CudaMachine.Collection)]
public sealed class CudaCollection;
