using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>The primary context of one CUDA device: what all calls of the driver happen in.</summary>
internal sealed class CudaContext : IDisposable
{
    /// <summary>
    /// Environment variable: how many seconds to wait for the device before its work counts as stuck, an error that names the last launch.
    /// Without it waiting has no end.
    /// </summary>
    internal const string WaitVariable = "VIDEOSIM_WAIT_SECONDS";

    private static readonly TimeSpan Spinning = TimeSpan.FromMilliseconds(100); // before the thread sleeps in between

    private readonly TimeSpan _mostWaiting = MostWaiting();
    private readonly CudaGpu _gpu;
    private readonly int _device;
    private readonly nint _context;
    private readonly HashSet<IDisposable> _objects = []; // graphs and events that are not freed

    public CudaContext(int ordinal)
    {
        NativeLibraries.Cuda.Require();
        int code = Initialize();
        if (code == NoDevice)
            throw new DataException($"cuda:{ordinal}: the driver, {NativeLibraries.Cuda.Path}, finds no NVIDIA GPU in this machine");
        CudaDriver.Check(code, nameof(cuInit), $"cuda:{ordinal}");
        _gpu = CudaGpu.Read(ordinal, out _device);
        Check(cuDevicePrimaryCtxRetain(out _context, _device), nameof(cuDevicePrimaryCtxRetain));
    }

    /// <summary>For messages.</summary>
    public string Name => _gpu.Name;

    /// <summary>Ten times the major version plus the minor one.</summary>
    public int ComputeCapability => _gpu.ComputeCapability;

    public DeviceLimits Limits => _gpu.Limits;

    /// <summary>A number that the driver knows of the device; null where it does not say.</summary>
    public int? Find(DeviceAttribute attribute) => cuDeviceGetAttribute(out int value, attribute, _device) == 0 ? value : null;

    /// <summary>What was launched last: failures of any call name it.</summary>
    public LastLaunch Last { get; } = new();

    /// <summary>A call failed. The driver then refuses most others: cleaning up has nothing more to report.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Work was waited for and did not end in time.</summary>
    public bool IsStuck { get; private set; }

    /// <summary>The error that lost the device: work that is stuck, or a fault after which the driver refuses all calls; null if there was none.</summary>
    public CudaException? Loss { get; private set; }

    /// <summary>All that was in the context is gone.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>Makes the context the calling thread's; a few nanoseconds where it is already.</summary>
    public void MakeCurrent() => Check(cuCtxSetCurrent(_context), nameof(cuCtxSetCurrent));

    /// <summary>Memory of the context.</summary>
    /// <exception cref="InsufficientMemoryException">There is not that much left.</exception>
    public nint Allocate(long bytes)
    {
        int code = cuMemAlloc_v2(out nint address, (nuint)bytes);
        if (code == OutOfMemory)
            throw new InsufficientMemoryException($"{Name} has no room for another {bytes} bytes");
        Check(code, nameof(cuMemAlloc_v2));
        return address;
    }

    /// <summary>Gives memory back.</summary>
    public void Free(nint address) => CheckRelease(() => cuMemFree_v2(address), nameof(cuMemFree_v2));

    /// <summary>Pinned memory of the host.</summary>
    /// <exception cref="InsufficientMemoryException">The host has not that much left.</exception>
    public nint AllocateHost(long bytes)
    {
        int code = cuMemHostAlloc(out nint address, (nuint)bytes, 0);
        if (code == OutOfMemory)
            throw new InsufficientMemoryException($"the host has no room for another {bytes} bytes of pinned memory for {Name}");
        Check(code, nameof(cuMemHostAlloc));
        return address;
    }

    /// <summary>Gives pinned memory back.</summary>
    public void FreeHost(nint address) => CheckRelease(() => cuMemFreeHost(address), nameof(cuMemFreeHost));

    /// <summary>Throws if a call failed.</summary>
    /// <param name="code">What it returned.</param>
    /// <param name="call">Its name.</param>
    public void Check(int code, string call)
    {
        if (code != 0)
            Fail(call, code, Meaning(code));
    }

    /// <summary>Reports a failed call, with the last launch: a fault of a kernel shows at some later call.</summary>
    [DoesNotReturn]
    public void Fail(string call, int code, string meaning)
    {
        HasFailed = true;
        var failure = new CudaException(call, code, meaning, Last.Kernel, Name, Last.Describe());
        if (IsStuck || LosesDevice(code))
            Loss ??= failure;
        throw failure;
    }

    /// <summary>The same for calls that clean up. A device that is stuck would let them wait for ever: they are left out.</summary>
    public void CheckRelease(Func<int> release, string call)
    {
        if (IsStuck)
            return;
        int code = release();
        if (!HasFailed)
            Check(code, call);
    }

    /// <summary>Waits until all work of a stream is done.</summary>
    /// <exception cref="CudaException">The work failed, or takes longer than <see cref="WaitVariable"/> allows.</exception>
    public void WaitForStream(nint stream)
    {
        if (_mostWaiting == Timeout.InfiniteTimeSpan)
            Check(cuStreamSynchronize(stream), nameof(cuStreamSynchronize));
        else
            Poll(static stream => cuStreamQuery(stream), stream, nameof(cuStreamQuery));
    }

    /// <summary>Waits until a moment of a stream's work has come.</summary>
    /// <exception cref="CudaException">The work failed, or takes longer than <see cref="WaitVariable"/> allows.</exception>
    public void WaitForEvent(nint moment)
    {
        if (_mostWaiting == Timeout.InfiniteTimeSpan)
            Check(cuEventSynchronize(moment), nameof(cuEventSynchronize));
        else
            Poll(static moment => cuEventQuery(moment), moment, nameof(cuEventQuery));
    }

    private void Poll(Func<nint, int> query, nint handle, string call)
    {
        long start = Stopwatch.GetTimestamp();
        int code;
        while ((code = query(handle)) == NotReady)
        {
            var waited = Stopwatch.GetElapsedTime(start);
            if (IsStuck || waited > _mostWaiting)
            {
                IsStuck = true;
                Fail(call, code, string.Create(CultureInfo.InvariantCulture, $"the device has not finished after {_mostWaiting.TotalSeconds} s"));
            }
            if (waited > Spinning)
                Thread.Sleep(1);
        }
        Check(code, call);
    }

    private static TimeSpan MostWaiting()
    {
        string? seconds = Environment.GetEnvironmentVariable(WaitVariable);
        if (string.IsNullOrEmpty(seconds))
            return Timeout.InfiniteTimeSpan;
        return double.TryParse(seconds, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) && value is > 0 and < 1e6 ? TimeSpan.FromSeconds(value)
            : throw new DataException($"{WaitVariable}={seconds}: a number of seconds is needed, such as 20");
    }

    /// <summary>Notes a graph or an event that the context frees, if nothing else has until then.</summary>
    public void Add(IDisposable driverObject) => _objects.Add(driverObject);

    /// <summary>Whether such an object is still there; it is not any more afterwards.</summary>
    public bool Remove(IDisposable driverObject) => _objects.Remove(driverObject);

    /// <summary>Frees all such objects. The driver would do so with the context, but another device of the process may hold that.</summary>
    public void FreeObjects()
    {
        foreach (var driverObject in _objects.ToArray())
            driverObject.Dispose();
    }

    public void Dispose()
    {
        IsDisposed = true;
        CheckRelease(() => cuDevicePrimaryCtxRelease_v2(_device), nameof(cuDevicePrimaryCtxRelease_v2));
    }

    private static int Initialize()
    {
        try
        {
            return cuInit(0);
        }
        catch (EntryPointNotFoundException e)
        {
            throw new DataException($"{NativeLibraries.Cuda.Path} is no driver of NVIDIA's: {NativeLibraries.Cuda.Advice}", e);
        }
    }
}
