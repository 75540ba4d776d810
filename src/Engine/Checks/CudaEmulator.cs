using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Checks;

/// <summary>
/// The emulator, loaded in place of NVIDIA's driver for the whole process. CUDA devices that are opened afterwards are
/// emulated.
/// </summary>
public sealed unsafe class CudaEmulator
{
    private const uint Threads = 2; // they share the blocks of a launch
    private const int LineBytes = 1024; // a line of a kernel and the calls that lead to it

    private readonly List<Kernel> _kernels;
    private readonly delegate* unmanaged<nuint> _liveAllocations, _liveObjects;
    private readonly delegate* unmanaged<ulong, uint, int, void> _configure;
    private readonly delegate* unmanaged<ulong, void> _orderStreams;
    private readonly delegate* unmanaged<byte*, void> _inject;
    private readonly delegate* unmanaged<int, void> _keepFaults;
    private readonly delegate* unmanaged<int, uint, void> _refuseProducts;
    private readonly delegate* unmanaged<byte*, byte*, nuint, uint> _bankConflicts;
    private readonly delegate* unmanaged<LaunchUse*, int> _takeUse;
    private readonly delegate* unmanaged<byte*, nuint, int> _takeFloatSum;

    /// <summary>Builds the emulator, unless it was built before, and loads it in place of the driver.</summary>
    /// <param name="cache">Folder that keeps builds.</param>
    /// <param name="sources">The kernels' sources.</param>
    /// <param name="units">The kernels.</param>
    /// <param name="progress">See <see cref="EmulatorBuild.Make"/>.</param>
    /// <exception cref="DataException">
    /// The emulator cannot be built or run here, or a driver is already loaded; the message gives the reason.
    /// </exception>
    public CudaEmulator(CacheFolder cache, KernelSources sources, IReadOnlyList<KernelUnit> units, Action<int, int>? progress = null)
    {
        if (EmulatorBuild.Problem is { } problem)
            throw new DataException(problem);
        _kernels = [.. units.SelectMany(static unit => unit.Kernels)];
        string folder = EmulatorBuild.Make(cache, sources, units, progress);
        string? others = Environment.GetEnvironmentVariable(NativeLibraries.PathVariable);
        Environment.SetEnvironmentVariable(NativeLibraries.PathVariable, others is null ? folder : $"{folder}{Path.PathSeparator}{others}");
        if (NativeLibraries.Cuda.Path?.StartsWith(folder, StringComparison.Ordinal) != true)
            throw new DataException($"the CUDA emulator in {folder} was not loaded: {NativeLibraries.Cuda.Problem ?? $"{NativeLibraries.Cuda.Path} was loaded before"}");
        _liveAllocations = (delegate* unmanaged<nuint>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorLiveAllocations");
        _liveObjects = (delegate* unmanaged<nuint>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorLiveObjects");
        _configure = (delegate* unmanaged<ulong, uint, int, void>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorConfigure");
        _orderStreams = (delegate* unmanaged<ulong, void>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorOrderStreams");
        _inject = (delegate* unmanaged<byte*, void>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorInject");
        _keepFaults = (delegate* unmanaged<int, void>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorKeepFaults");
        _refuseProducts = (delegate* unmanaged<int, uint, void>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorRefuseProducts");
        _bankConflicts = (delegate* unmanaged<byte*, byte*, nuint, uint>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorBankConflicts");
        _takeUse = (delegate* unmanaged<LaunchUse*, int>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorTakeUse");
        _takeFloatSum = (delegate* unmanaged<byte*, nuint, int>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorTakeFloatSum");
    }

    /// <summary>Whether the driver of this process is the emulator's.</summary>
    public static bool IsInPlace => NativeLibraries.Cuda.Path is not null && NativeLibrary.TryGetExport(NativeLibraries.Cuda.Handle, "emulatorConfigure", out _);

    /// <summary>Allocations of device memory and of pinned memory that were not freed.</summary>
    public int LiveAllocations => (int)_liveAllocations();

    /// <summary>Graphs and events that were not destroyed.</summary>
    public int LiveObjects => (int)_liveObjects();

    /// <summary>Opens an emulated device.</summary>
    /// <param name="images">
    /// Compiled kernels to load, as on a GPU. May be left out: the emulator contains the kernels and runs no code of
    /// the images.
    /// </param>
    /// <param name="variants">See <see cref="CudaDevice.Open"/>.</param>
    /// <param name="tuning">The same.</param>
    public CudaDevice Open(IKernelImages? images = null, VariantTable? variants = null, TuningTable? tuning = null) => CudaDevice.Open(0, images ?? Images, _kernels, variants, tuning);

    /// <summary>Images that list the entries and contain no code: the emulator contains the kernels.</summary>
    public static IKernelImages Images { get; } = new EntryNames();

    /// <summary>Builds more kernels, and adds them to the emulator that is the driver of this process.</summary>
    /// <param name="cache">Folder that keeps builds.</param>
    /// <param name="sources">The kernels' sources.</param>
    /// <param name="units">
    /// The kernels. The names of their entries must be new (<see cref="KernelUnit.Suffix"/>).
    /// </param>
    /// <param name="progress">See <see cref="EmulatorBuild.Make"/>.</param>
    /// <exception cref="DataException">They cannot be built; the message gives the reason.</exception>
    public static void Add(CacheFolder cache, KernelSources sources, IReadOnlyList<KernelUnit> units, Action<int, int>? progress = null)
    {
        string folder = EmulatorBuild.Make(cache, sources, units, progress);
        foreach (string module in FolderListing.Files(folder, EmulatorBuild.BuiltUnits))
            NativeLibrary.Load(module); // its constructors register the kernels
    }

    /// <summary>Chooses how kernels run from now on.</summary>
    /// <param name="schedule">Order of threads: 0 ascending, 1 descending, others random at every switch.</param>
    /// <param name="check">Whether every memory access is checked.</param>
    public void Configure(ulong schedule, bool check) => _configure(schedule, Threads, check ? 1 : 0);

    /// <summary>Chooses when the work of streams is done from now on.</summary>
    /// <param name="order">
    /// 0: at once, except copies from and to host memory, which are done when a call waits for them. 1: all of it when
    /// a call waits for it. Others: at random moments until then. Work never passes an event that it waits for.
    /// </param>
    public void OrderStreams(ulong order) => _orderStreams(order);

    /// <summary>The worst bank conflict of a kernel in checked launches, since the last call with its name.</summary>
    /// <param name="entry">Name of the kernel.</param>
    /// <returns>
    /// The number of different words of one bank that one access needed: 1 is no conflict, 0 is no access to shared
    /// memory. And the place of the conflict as file:line, or an empty text.
    /// </returns>
    public (int Ways, string Place) TakeBankConflict(string entry)
    {
        byte* place = stackalloc byte[LineBytes];
        fixed (byte* name = Encoding.UTF8.GetBytes(entry + '\0'))
        {
            int ways = (int)_bankConflicts(name, place, LineBytes);
            return (ways, Marshal.PtrToStringUTF8((nint)place)!);
        }
    }

    /// <summary>Resources that the last checked launch used; null if there was none since the last call.</summary>
    public LaunchUse? TakeUse()
    {
        LaunchUse use;
        return _takeUse(&use) != 0 ? use : null;
    }

    /// <summary>
    /// The line of an atomic addition of floats in checked launches since the last call; null if there was none.
    /// </summary>
    public string? TakeFloatSum()
    {
        byte* line = stackalloc byte[LineBytes];
        return _takeFloatSum(line, LineBytes) != 0 ? Marshal.PtrToStringUTF8((nint)line) : null;
    }

    /// <summary>Plants a failure instead of the one before.</summary>
    /// <param name="failure">
    /// A value of EMULATOR_FAIL, such as <c>allocation=3</c>; src/Emulator/README.md lists them. Empty for none.
    /// </param>
    public void Inject(string failure)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes($"{failure}\0"))
            _inject(text);
    }

    /// <summary>Removes algorithms from the emulated cuBLASLt until the next call; without arguments none.</summary>
    /// <param name="withBias">Removes the algorithms that add a bias.</param>
    /// <param name="mostAlignment">
    /// Removes the algorithms that require matrices to be aligned to more bytes than this.
    /// </param>
    public void RefuseProducts(bool withBias = false, int mostAlignment = 256) => _refuseProducts(withBias ? 1 : 0, (uint)mostAlignment);

    /// <summary>
    /// Sets whether a kernel's fault stays until the process ends, as on a GPU whose context another library also
    /// uses. Clears an earlier fault.
    /// </summary>
    public void KeepFaults(bool keep) => _keepFaults(keep ? 1 : 0);

    // Images that list the entries and contain no code.
    private sealed class EntryNames : IKernelImages
    {
        public string ArchitectureFor(int computeCapability) => "compute_80";

        public KernelImage Compile(KernelUnit unit, string architecture) => new([.. ".version 8.0\n"u8,
            .. unit.Kernels.SelectMany(kernel => Encoding.UTF8.GetBytes($".entry {unit.SymbolOf(kernel)}(")), 0], new Dictionary<string, KernelResources>(), "");
    }
}
