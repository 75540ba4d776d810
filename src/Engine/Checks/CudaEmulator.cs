using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Checks;

/// <summary>The emulator in place of NVIDIA's driver, for this whole process: CUDA devices opened from now on are emulated.</summary>
public sealed unsafe class CudaEmulator
{
    private const uint Threads = 2; // that share the blocks of a launch

    private readonly IReadOnlyList<Kernel> _kernels;
    private readonly EntryNames _images = new();
    private readonly delegate* unmanaged<nuint> _liveAllocations, _liveObjects;
    private readonly delegate* unmanaged<ulong, uint, int, void> _configure;
    private readonly delegate* unmanaged<int, uint, uint, byte*, void> _inject;
    private readonly delegate* unmanaged<int, void> _keepFaults;
    private readonly delegate* unmanaged<int, uint, void> _refuseProducts;
    private readonly delegate* unmanaged<byte*, byte*, nuint, uint> _bankConflicts;
    private readonly delegate* unmanaged<LaunchUse*, int> _takeUse;

    /// <summary>Builds the emulator, unless it was built before, and puts it in the driver's place.</summary>
    /// <param name="cache">Folder that keeps builds.</param>
    /// <param name="sources">The kernels' sources.</param>
    /// <param name="kernels">The kernels; those without a CUDA source are left out.</param>
    /// <exception cref="DataException">It cannot run here or be built, or a driver is loaded already; the message says why.</exception>
    public CudaEmulator(string cache, KernelSources sources, IEnumerable<Kernel> kernels)
    {
        if (EmulatorBuild.Problem is { } problem)
            throw new DataException(problem);
        _kernels = [.. kernels];
        string folder = EmulatorBuild.Make(cache, sources, _kernels);
        string? others = Environment.GetEnvironmentVariable(NativeLibraries.PathVariable);
        Environment.SetEnvironmentVariable(NativeLibraries.PathVariable, others is null ? folder : $"{folder}{Path.PathSeparator}{others}");
        if (NativeLibraries.Cuda.Path?.StartsWith(folder, StringComparison.Ordinal) != true)
            throw new DataException($"the CUDA emulator in {folder} was not taken: {NativeLibraries.Cuda.Problem ?? $"{NativeLibraries.Cuda.Path} is loaded already"}");
        _liveAllocations = (delegate* unmanaged<nuint>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorLiveAllocations");
        _liveObjects = (delegate* unmanaged<nuint>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorLiveObjects");
        _configure = (delegate* unmanaged<ulong, uint, int, void>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorConfigure");
        _inject = (delegate* unmanaged<int, uint, uint, byte*, void>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorInject");
        _keepFaults = (delegate* unmanaged<int, void>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorKeepFaults");
        _refuseProducts = (delegate* unmanaged<int, uint, void>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorRefuseProducts");
        _bankConflicts = (delegate* unmanaged<byte*, byte*, nuint, uint>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorBankConflicts");
        _takeUse = (delegate* unmanaged<LaunchUse*, int>)NativeLibrary.GetExport(NativeLibraries.Cuda.Handle, "emulatorTakeUse");
    }

    /// <summary>Whether the driver of this process is the emulator's.</summary>
    public static bool IsInPlace => NativeLibraries.Cuda.Path is not null && NativeLibrary.TryGetExport(NativeLibraries.Cuda.Handle, "emulatorConfigure", out _);

    /// <summary>Allocations that nobody freed, of the device and of pinned memory.</summary>
    public int LiveAllocations => (int)_liveAllocations();

    /// <summary>Graphs and events that nobody destroyed.</summary>
    public int LiveObjects => (int)_liveObjects();

    /// <summary>Opens an emulated device.</summary>
    /// <param name="images">Compiled kernels to load, as on a GPU. Their code is not run, so that none is needed: the kernels are in the emulator.</param>
    public CudaDevice Open(IKernelImages? images = null) => CudaDevice.Open(0, images ?? _images, _kernels);

    /// <summary>Chooses how kernels run from now on.</summary>
    /// <param name="schedule">Order of threads: 0 ascending, 1 descending, others random at every switch.</param>
    /// <param name="check">Whether every access to memory is looked at.</param>
    public void Configure(ulong schedule, bool check) => _configure(schedule, Threads, check ? 1 : 0);

    /// <summary>The worst bank conflict of a kernel since the last call with its name, in launches whose every access was looked at.</summary>
    /// <param name="entry">Name of the kernel.</param>
    /// <returns>
    /// How many words of one bank an access needed at once: 1 is no conflict, 0 no access to shared memory. And the place of a
    /// conflict, as file:line, or nothing.
    /// </returns>
    public (int Ways, string Place) TakeBankConflict(string entry)
    {
        const int Bytes = 256;
        byte* place = stackalloc byte[Bytes];
        fixed (byte* name = Encoding.UTF8.GetBytes(entry + '\0'))
        {
            int ways = (int)_bankConflicts(name, place, Bytes);
            return (ways, Marshal.PtrToStringUTF8((nint)place)!);
        }
    }

    /// <summary>What the last launch used, if its every access was looked at; null if there was none since the last call.</summary>
    public LaunchUse? TakeUse()
    {
        LaunchUse use;
        return _takeUse(&use) != 0 ? use : null;
    }

    /// <summary>Lets something fail from now on, once each; without arguments nothing.</summary>
    /// <param name="noDevice">There is no GPU, until the next call.</param>
    /// <param name="allocation">Which allocation of memory finds none, counted from 1; 0 for none.</param>
    /// <param name="launch">Which launch of a kernel faults, counted from 1; 0 for none.</param>
    /// <param name="kernel">Entry of a kernel whose every launch faults, until the next call; null for none.</param>
    public void Inject(bool noDevice = false, int allocation = 0, int launch = 0, string? kernel = null)
    {
        fixed (byte* entry = kernel is null ? null : Encoding.UTF8.GetBytes($"{kernel}\0"))
            _inject(noDevice ? 1 : 0, (uint)allocation, (uint)launch, entry);
    }

    /// <summary>Takes algorithms for matrix products away from the emulated cuBLASLt, until the next call; without arguments none.</summary>
    /// <param name="withBias">Those that add a bias.</param>
    /// <param name="mostAlignment">Those for matrices that are promised to lie on more than so many bytes.</param>
    public void RefuseProducts(bool withBias = false, int mostAlignment = 256) => _refuseProducts(withBias ? 1 : 0, (uint)mostAlignment);

    /// <summary>Whether a kernel's fault stays for the process, as on a GPU whose context another library also holds. Forgets what stayed before.</summary>
    public void KeepFaults(bool keep) => _keepFaults(keep ? 1 : 0);

    // Images that name the entries and hold no code.
    private sealed class EntryNames : IKernelImages
    {
        public string ArchitectureFor(int computeCapability) => "compute_80";

        public KernelImage Compile(KernelUnit unit, string architecture) => new([.. ".version 8.0\n"u8,
            .. unit.Kernels.SelectMany(static kernel => Encoding.UTF8.GetBytes($".entry {kernel.Entry}(")), 0], new Dictionary<string, KernelResources>(), "");
    }
}
