using System.Runtime.InteropServices;
using VideoSim.Engine;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Interop;
using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine;

/// <summary>
/// Runs kernels as NVRTC compiled them, behind the emulator's driver. Modules that are loaded while it is attached
/// have to be PTX. There is one in a process, as there is one emulated device.
/// </summary>
public static unsafe class Machine
{
    private static readonly Lock Gate = new();
    private static readonly DeviceMemory Memory = new();
    private static readonly DriverTable* Table = MakeTable();
    private static readonly Lazy<nint> UseMachine = new(static () => CudaEmulator.IsInPlace // a function of the driver
        ? NativeLibrary.GetExport(NativeLibrary.Load(NativeLibraries.Cuda.Path!), "emulatorUseMachine")
        : throw new DataException("the PTX machine runs behind the emulator's driver, and this process has another one, or none"));
    private static readonly Dictionary<nint, (PtxUnit Unit, Kernel? Kernel)> Handles = []; // of the driver
    private static nint _nextHandle = 1;
    private static uint _nextBlock = 1;
    private static byte* _problem;

    // The structs of src/Emulator/Machine.h.
    private struct DriverTable
    {
        public delegate* unmanaged<byte*, nint> Load;
        public delegate* unmanaged<nint, void> Unload;
        public delegate* unmanaged<nint, byte*, ulong*, ulong*, nint> Find;
        public delegate* unmanaged<nint, DriverLaunch*, int> Run;
        public delegate* unmanaged<byte*> Problem;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct DriverLaunch
    {
        public byte* Arguments;
        public Extent Grid, Block;
        public ulong DynamicShared, Order;
        public ulong* Memory;
        public ulong Allocations;
    }

    /// <summary>
    /// Seed of the errors of approximate instructions, in launches from now on: 0 for none. src/PtxMachine/README.md
    /// says what the seeds do.
    /// </summary>
    public static ulong Perturbation { get; set; }

    /// <summary>Instructions of warps that ran so far.</summary>
    public static long Instructions { get; private set; }

    /// <summary>Chooses what runs the modules that the emulator's driver loads from now on.</summary>
    /// <param name="attached">True for the machine, false for the code of g++.</param>
    /// <exception cref="DataException">The driver of this process is not the emulator's.</exception>
    public static void Attach(bool attached = true) =>
        ((delegate* unmanaged<DriverTable*, void>)UseMachine.Value)(attached ? Table : null);

    private static DriverTable* MakeTable()
    {
        var table = (DriverTable*)NativeMemory.AllocZeroed((nuint)sizeof(DriverTable));
        *table = new DriverTable { Load = &Load, Unload = &Unload, Find = &Find, Run = &Run, Problem = &Problem };
        return table;
    }

    [UnmanagedCallersOnly]
    private static nint Load(byte* ptx) => Try(() => Keep(new PtxUnit(Marshal.PtrToStringUTF8((nint)ptx)!), null));

    [UnmanagedCallersOnly]
    private static void Unload(nint unit)
    {
        lock (Gate)
        {
            var removed = Handles[unit].Unit;
            foreach (var (handle, _) in Handles.Where(pair => pair.Value.Unit == removed).ToArray())
                Handles.Remove(handle);
        }
    }

    [UnmanagedCallersOnly]
    private static nint Find(nint unit, byte* entry, ulong* staticShared, ulong* argumentBytes) => Try(() =>
    {
        var kernel = Handles[unit].Unit.Find(Marshal.PtrToStringUTF8((nint)entry)!);
        (*staticShared, *argumentBytes) = ((ulong)kernel.Text.Shared.Bytes, (ulong)kernel.Text.Parameters.Bytes);
        return Keep(Handles[unit].Unit, kernel);
    });

    [UnmanagedCallersOnly]
    private static int Run(nint handle, DriverLaunch* launch) => Try(() =>
    {
        var kernel = Handles[handle].Kernel!;
        var allocations = Enumerable.Range(0, (int)launch->Allocations).Select(i => (launch->Memory[2 * i], launch->Memory[(2 * i) + 1]));
        Memory.Update([.. allocations]);
        if (_nextBlock + launch->Grid.Count >= Touch.MostBlocks)
        {
            Memory.Forget();
            _nextBlock = 1;
        }
        byte[] arguments = new ReadOnlySpan<byte>(launch->Arguments, kernel.Text.Parameters.Bytes).ToArray();
        var run = new Launch(kernel, arguments, launch->Grid, launch->Block, (int)launch->DynamicShared, Memory, _nextBlock, launch->Order, Perturbation);
        _nextBlock += (uint)run.Grid.Count;
        Instructions += run.Run();
        return 1;
    }) == 0 ? 1 : 0;

    [UnmanagedCallersOnly]
    private static byte* Problem() => _problem;

    private static nint Keep(PtxUnit unit, Kernel? kernel)
    {
        Handles[_nextHandle] = (unit, kernel);
        return _nextHandle++;
    }

    // An exception must not reach the driver. 0 means that there was one.
    private static nint Try(Func<nint> call)
    {
        lock (Gate)
        {
            try
            {
                return call();
            }
            catch (Exception e)
            {
                NativeMemory.Free(_problem);
                string text = e is PtxException or FaultException ? e.Message : e.ToString();
                byte[] bytes = System.Text.Encoding.UTF8.GetBytes(text + '\0');
                _problem = (byte*)NativeMemory.Alloc((nuint)bytes.Length);
                bytes.CopyTo(new Span<byte>(_problem, bytes.Length));
                return 0;
            }
        }
    }
}
