using System.Runtime.InteropServices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>The primary context of one CUDA device: what all calls of the driver happen in.</summary>
internal sealed unsafe class CudaContext : IDisposable
{
    private const int NameBytes = 256;

    private readonly int _device;
    private readonly nint _context;

    public CudaContext(int ordinal)
    {
        NativeLibraries.Cuda.Require();
        Name = $"cuda:{ordinal}";
        Check(cuInit(0), nameof(cuInit));
        Check(cuDeviceGet(out _device, ordinal), nameof(cuDeviceGet));
        Name = $"cuda:{ordinal} {ReadName()}";
        ComputeCapability = 10 * Read(DeviceAttribute.ComputeCapabilityMajor) + Read(DeviceAttribute.ComputeCapabilityMinor);
        Limits = new DeviceLimits(Read(DeviceAttribute.MultiprocessorCount), Read(DeviceAttribute.SharedBytesPerBlockOptIn));
        Check(cuDevicePrimaryCtxRetain(out _context, _device), nameof(cuDevicePrimaryCtxRetain));
    }

    /// <summary>For messages.</summary>
    public string Name { get; }

    /// <summary>Ten times the major version plus the minor one.</summary>
    public int ComputeCapability { get; }

    public DeviceLimits Limits { get; }

    /// <summary>A call failed. The driver then refuses most others: cleaning up has nothing more to report.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Makes the context the calling thread's; a few nanoseconds where it is already.</summary>
    public void MakeCurrent() => Check(cuCtxSetCurrent(_context), nameof(cuCtxSetCurrent));

    /// <summary>Throws if a call failed.</summary>
    /// <param name="code">What it returned.</param>
    /// <param name="call">Its name.</param>
    /// <param name="kernel">The last kernel launched: a fault of a kernel shows at some later call.</param>
    public void Check(int code, string call, Kernel? kernel = null)
    {
        HasFailed |= code != 0;
        CudaDriver.Check(code, call, Name, kernel?.Entry);
    }

    /// <summary>The same for calls that clean up.</summary>
    public void CheckRelease(int code, string call)
    {
        if (!HasFailed)
            Check(code, call);
    }

    public void Dispose() => CheckRelease(cuDevicePrimaryCtxRelease_v2(_device), nameof(cuDevicePrimaryCtxRelease_v2));

    private int Read(DeviceAttribute attribute)
    {
        Check(cuDeviceGetAttribute(out int value, attribute, _device), nameof(cuDeviceGetAttribute));
        return value;
    }

    private string ReadName()
    {
        byte* text = stackalloc byte[NameBytes];
        Check(cuDeviceGetName(text, NameBytes, _device), nameof(cuDeviceGetName));
        return Marshal.PtrToStringUTF8((nint)text) ?? "";
    }
}
