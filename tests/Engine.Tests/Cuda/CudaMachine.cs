using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Where the device tests run: on the emulator, built with g++ when the first test asks, or on a real GPU where
/// VIDEOSIM_TEST_GPU is 1. One driver serves the whole process, so the tests share a collection.
/// </summary>
internal static class CudaMachine
{
    public const string Collection = "cuda";

    private const string GpuVariable = "VIDEOSIM_TEST_GPU";

    // One for all tests: it is built once. Or why there is none.
    private static readonly Lazy<(CudaEmulator? Emulator, string Problem)> Prepared = new(Prepare);

    // One for all tests: a unit is compiled once for an architecture, and again only when it has changed.
    private static readonly Lazy<KernelCompiler> SharedCompiler = new(static () => new(Sources, new KernelCache(Path.Combine(EmulatorFolder.Path, "kernels"))));

    public static bool IsEmulator => Environment.GetEnvironmentVariable(GpuVariable) != "1";

    /// <summary>The catalog's kernels, and those of the tests.</summary>
    private static IEnumerable<Kernel> Kernels => [.. Catalog.Kernels, .. PlantedKernels.All, .. TensorCoreProbes.All];

    private static KernelSources Sources => new([.. KernelSources.Embedded.Texts, TextOf(PlantedKernels.Source), TextOf(TensorCoreProbes.Source)]);

    /// <summary>The text of <see cref="PlantedKernels.Source"/>.</summary>
    public static string PlantedSource => TextOf(PlantedKernels.Source).Value;

    private static KeyValuePair<string, string> TextOf(string source)
    {
        using var reader = new StreamReader(typeof(CudaMachine).Assembly.GetManifestResourceStream(source)!);
        return new(source, reader.ReadToEnd());
    }

    /// <summary>The compiler of all kernels, or skips the test and says why.</summary>
    public static KernelCompiler Compiler
    {
        get
        {
            SkipWithoutNvrtc();
            return SharedCompiler.Value;
        }
    }

    /// <summary>Opens the device, or skips the test and says why.</summary>
    public static CudaDevice Open() => !IsEmulator ? CudaDevice.Open(0, SharedCompiler.Value, Kernels)
        : Emulator.Open(NativeLibraries.Nvrtc.Path is null ? null : SharedCompiler.Value);

    /// <summary>Opens the emulated device over other images.</summary>
    public static CudaDevice Open(IKernelImages images) => Emulator.Open(images);

    /// <summary>Chooses the order in which the emulator runs threads, and whether it looks at every access to memory.</summary>
    public static void Configure(ulong schedule, bool check)
    {
        if (IsEmulator)
            Prepared.Value.Emulator?.Configure(schedule, check);
    }

    /// <summary>Device allocations that nobody freed.</summary>
    public static int LiveAllocations => Emulator.LiveAllocations;

    /// <summary>Lets something fail, see <see cref="CudaEmulator.Inject"/>.</summary>
    public static void Inject(bool noDevice = false, int allocation = 0, int launch = 0) => Emulator.Inject(noDevice, allocation, launch);

    public static void SkipUnlessEmulator()
    {
        Assert.SkipUnless(IsEmulator, "a test of the emulator");
        _ = Emulator; // skips, too
    }

    public static void SkipWithoutNvrtc() => Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");

    /// <summary>The emulator behind the device, or skips the test; null on a GPU.</summary>
    public static CudaEmulator? EmulatorOrNull => IsEmulator ? Emulator : null;

    private static CudaEmulator Emulator
    {
        get
        {
            Assert.SkipWhen(Prepared.Value.Emulator is null, Prepared.Value.Problem);
            return Prepared.Value.Emulator!;
        }
    }

    // A source that g++ refuses is a failure; only what this machine lacks is a reason to skip.
    private static (CudaEmulator?, string) Prepare() =>
        EmulatorBuild.Problem is { } problem ? (null, problem) : (new CudaEmulator(EmulatorFolder.Path, Sources, Kernels), "");
}

[CollectionDefinition(CudaMachine.Collection)]
public sealed class CudaCollection;
