using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Where the device tests run: on the emulator, built with g++ when the first test opens it, or on a real GPU where
/// VIDEOSIM_TEST_GPU is 1. On a GPU the kernels are the images in the folder "kernels" beside the tests, if there is
/// one, and tests of the emulator are skipped. VIDEOSIM_TEST_GPU=rehearsal does the same over the emulator. One
/// driver serves the whole process, so the tests share a collection.
/// </summary>
internal static class CudaMachine
{
    public const string Collection = "cuda";

    private const string GpuVariable = "VIDEOSIM_TEST_GPU";

    // One for all tests: it is built once. Or why there is none.
    private static readonly Lazy<(CudaEmulator? Emulator, string Problem)> Prepared = new(Prepare);

    // On a GPU no device opens again after one that is lost.
    private static readonly OpenedDevices Opened = new();

    // One for all tests: a unit is compiled once for an architecture, and again only when it has changed.
    private static readonly Lazy<KernelCompiler> SharedCompiler = new(static () => new(Sources, new KernelCache(UserCache.Kernels)));

    public static bool IsEmulator => Environment.GetEnvironmentVariable(GpuVariable) != "1";

    /// <summary>Whether the tests run as they do on a GPU, be it over the emulator.</summary>
    public static bool IsGpuRun => Environment.GetEnvironmentVariable(GpuVariable) is "1" or "rehearsal";

    /// <summary>Kernels that exist for the tests alone.</summary>
    public static IEnumerable<Kernel> TestKernels => [.. PlantedKernels.All, .. TensorCoreProbes.All, .. IntrinsicsKernels.All];

    private static IEnumerable<Kernel> Kernels => [.. Catalog.Kernels, .. TestKernels];

    /// <summary>Sources of all kernels, those of the tests among them.</summary>
    public static KernelSources Sources => new([.. KernelSources.Embedded.Texts, TextOf(PlantedKernels.Source), TextOf(TensorCoreProbes.Source), TextOf(IntrinsicsKernels.Source)]);

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
    public static CudaDevice Open()
    {
        if (IsGpuRun)
            return Open(Directory.Exists(ShippedKernels.DefaultFolder) ? new InstalledKernels(new(ShippedKernels.DefaultFolder, Sources), compiler: null) : SharedCompiler.Value);
        return Emulator.Open(NativeLibraries.Nvrtc.Path is null ? null : SharedCompiler.Value);
    }

    /// <summary>Opens the emulator with a table of variants, or skips the test and says why.</summary>
    public static CudaDevice Open(VariantTable variants) => Emulator.Open(variants: variants);

    /// <summary>Opens the emulator with a tuning table, or skips the test and says why.</summary>
    public static CudaDevice Open(TuningTable tuning) => Emulator.Open(tuning: tuning);

    /// <summary>Opens the device over other images, or skips the test and says why.</summary>
    public static CudaDevice Open(IKernelImages images)
    {
        return IsGpuRun ? Opened.Open(Now) : Now();

        CudaDevice Now() => IsEmulator ? Emulator.Open(images) : CudaDevice.Open(0, images, Kernels);
    }

    /// <summary>Chooses the order of threads on the emulator, and whether it checks every access to memory.</summary>
    public static void Configure(ulong schedule, bool check)
    {
        if (IsEmulator)
            Prepared.Value.Emulator?.Configure(schedule, check);
    }

    /// <summary>See <see cref="CudaEmulator.OrderStreams"/>.</summary>
    public static void OrderStreams(ulong order)
    {
        if (IsEmulator)
            Prepared.Value.Emulator?.OrderStreams(order);
    }

    /// <summary>Allocations that nobody freed, of the device and of pinned memory.</summary>
    public static int LiveAllocations => Emulator.LiveAllocations;

    /// <summary>Graphs and events that nobody destroyed.</summary>
    public static int LiveObjects => Emulator.LiveObjects;

    /// <summary>What the last launch used, see <see cref="CudaEmulator.TakeUse"/>.</summary>
    public static LaunchUse? TakeUse() => Emulator.TakeUse();

    /// <summary>See <see cref="CudaEmulator.TakeFloatSum"/>.</summary>
    public static string? TakeFloatSum() => Emulator.TakeFloatSum();

    /// <summary>Lets something fail, see <see cref="CudaEmulator.Inject"/>; nothing without an argument.</summary>
    public static void Inject(string failure = "") => Emulator.Inject(failure);

    /// <summary>Takes algorithms for products away, see <see cref="CudaEmulator.RefuseProducts"/>.</summary>
    public static void RefuseProducts(bool withBias = false, int mostAlignment = 256) => Emulator.RefuseProducts(withBias, mostAlignment);

    /// <summary>Whether faults stay for the process, see <see cref="CudaEmulator.KeepFaults"/>.</summary>
    public static void KeepFaults(bool keep) => Emulator.KeepFaults(keep);

    public static void SkipUnlessEmulator()
    {
        Assert.SkipWhen(IsGpuRun, "a test of the emulator");
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
        EmulatorBuild.Problem is { } problem ? (null, problem) : (new CudaEmulator(UserCache.Emulator, Sources, KernelUnit.Group(Kernels)), "");
}

[CollectionDefinition(CudaMachine.Collection)]
public sealed class CudaCollection;
