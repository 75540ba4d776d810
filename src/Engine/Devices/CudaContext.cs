using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>The primary context of one CUDA device. All calls of the driver happen in it.</summary>
internal sealed class CudaContext : IDisposable
{
    /// <summary>
    /// Environment variable: the number of seconds to wait for the device. After that its work counts as stuck, which
    /// is an error that names the last launch. Without the variable there is no limit.
    /// </summary>
    internal const string WaitVariable = "VIDEOSIM_WAIT_SECONDS";

    private static readonly TimeSpan Spinning = TimeSpan.FromMilliseconds(100); // then it sleeps between queries

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

    /// <summary>The device's name, for messages.</summary>
    public string Name => _gpu.Name;

    /// <summary>Ten times the major version plus the minor one.</summary>
    public int ComputeCapability => _gpu.ComputeCapability;

    public DeviceLimits Limits => _gpu.Limits;

    /// <summary>An attribute of the device; null if the driver does not have it.</summary>
    public int? Find(DeviceAttribute attribute) => cuDeviceGetAttribute(out int value, attribute, _device) == 0 ? value : null;

    /// <summary>The last launch. The message of every failed call names it.</summary>
    public LastLaunch Last { get; } = new();

    /// <summary>
    /// Whether a call failed. The driver then refuses most other calls, so clean-up reports no more failures.
    /// </summary>
    public bool HasFailed { get; private set; }

    /// <summary>Whether the device did not finish its work in time.</summary>
    public bool IsStuck { get; private set; }

    /// <summary>
    /// The error after which the device is lost: stuck work, or a fault after which the driver refuses all calls. Null
    /// if there was none.
    /// </summary>
    public CudaException? Loss { get; private set; }

    /// <summary>Whether the context and all its objects are freed.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>
    /// Makes the context current on the calling thread. Takes a few nanoseconds if it already is. After a failed call
    /// it reports nothing: clean-up calls it, too, and must not hide that failure.
    /// </summary>
    public void MakeCurrent()
    {
        int code = cuCtxSetCurrent(_context);
        if (!HasFailed)
            Check(code, nameof(cuCtxSetCurrent));
    }

    /// <summary>Allocates memory of the device.</summary>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="purpose">What it is for; null if the caller adds that to the message.</param>
    /// <exception cref="InsufficientMemoryException">The device has not enough memory left.</exception>
    public nint Allocate(long bytes, string? purpose = null)
    {
        int code = cuMemAlloc_v2(out nint address, (nuint)bytes);
        if (code == OutOfMemory)
            throw new InsufficientMemoryException($"{Name} has no room for another {bytes} bytes{(purpose is null ? "" : $", needed for {purpose}")}");
        Check(code, nameof(cuMemAlloc_v2));
        return address;
    }

    /// <summary>Frees memory of the device.</summary>
    public void Free(nint address) => CheckRelease(() => cuMemFree_v2(address), nameof(cuMemFree_v2));

    /// <summary>Allocates pinned memory of the host.</summary>
    /// <exception cref="InsufficientMemoryException">The host has not enough memory left.</exception>
    public nint AllocateHost(long bytes)
    {
        int code = cuMemHostAlloc(out nint address, (nuint)bytes, 0);
        if (code == OutOfMemory)
            throw new InsufficientMemoryException($"the host has no room for another {bytes} bytes of pinned memory for {Name}");
        Check(code, nameof(cuMemHostAlloc));
        return address;
    }

    /// <summary>Frees pinned memory.</summary>
    public void FreeHost(nint address) => CheckRelease(() => cuMemFreeHost(address), nameof(cuMemFreeHost));

    /// <summary>Throws if a call failed.</summary>
    /// <param name="code">Its return code.</param>
    /// <param name="call">Its name.</param>
    public void Check(int code, string call)
    {
        if (code != 0)
            Fail(call, code, Meaning(code));
    }

    /// <summary>Reports a failed call and the last launch: a kernel's fault appears at a later call.</summary>
    [DoesNotReturn]
    public void Fail(string call, int code, string meaning)
    {
        HasFailed = true;
        var failure = new CudaException(call, code, meaning, Last.Kernel, Name, Last.Describe());
        if (IsStuck || LosesDevice(code))
            Loss ??= failure;
        throw failure;
    }

    /// <summary>
    /// The same for calls that free something. They are skipped if the device is stuck: they would wait for ever.
    /// </summary>
    public void CheckRelease(Func<int> release, string call)
    {
        if (IsStuck)
            return;
        int code = release();
        if (!HasFailed)
            Check(code, call);
    }

    /// <summary>Waits until all work of a stream is done.</summary>
    /// <exception cref="CudaException">
    /// The work failed, or took longer than <see cref="WaitVariable"/> allows.
    /// </exception>
    public void WaitForStream(nint stream)
    {
        if (_mostWaiting == Timeout.InfiniteTimeSpan)
            Check(cuStreamSynchronize(stream), nameof(cuStreamSynchronize));
        else
            Poll(static stream => cuStreamQuery(stream), stream, nameof(cuStreamQuery));
    }

    /// <summary>Waits until a stream has reached an event.</summary>
    /// <exception cref="CudaException">
    /// The work failed, or took longer than <see cref="WaitVariable"/> allows.
    /// </exception>
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

    /// <summary>Registers a graph or an event, which the context frees unless its owner frees it first.</summary>
    public void Add(IDisposable driverObject) => _objects.Add(driverObject);

    /// <summary>Unregisters such an object; returns whether it was registered.</summary>
    public bool Remove(IDisposable driverObject) => _objects.Remove(driverObject);

    /// <summary>
    /// Frees all registered objects. The driver would free them with the context, but another device of the process
    /// may keep the context.
    /// </summary>
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
            throw new DataException($"{NativeLibraries.Cuda.Path} is not NVIDIA's driver: {NativeLibraries.Cuda.Advice}", e);
        }
    }
}
