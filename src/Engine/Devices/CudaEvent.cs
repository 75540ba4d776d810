using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>An event of CUDA: a point in a stream's work, with the time on the GPU's own clock.</summary>
internal sealed class CudaEvent : IDisposable
{
    private readonly CudaContext _context;
    private readonly nint _event;

    public CudaEvent(CudaContext context)
    {
        _context = context;
        context.MakeCurrent();
        context.Check(cuEventCreate(out _event, 0), nameof(cuEventCreate));
        context.Add(this);
    }

    public void Record(nint stream) => _context.Check(cuEventRecord(_event, stream), nameof(cuEventRecord));

    /// <summary>
    /// Later work of a stream begins after the last record of the event. At once if it was never recorded.
    /// </summary>
    public void Precede(nint stream) => _context.Check(cuStreamWaitEvent(stream, _event, 0), nameof(cuStreamWaitEvent));

    /// <summary>Waits until the stream has reached the event. At once if it was never recorded.</summary>
    public void Wait() => _context.WaitForEvent(_event);

    /// <summary>The time from another event to this one; the stream must have reached both.</summary>
    public double MicrosecondsSince(CudaEvent start)
    {
        _context.Check(cuEventElapsedTime(out float milliseconds, start._event, _event), nameof(cuEventElapsedTime));
        return 1e3 * milliseconds;
    }

    public void Dispose()
    {
        if (!_context.Remove(this))
            return;
        _context.MakeCurrent();
        _context.CheckRelease(() => cuEventDestroy_v2(_event), nameof(cuEventDestroy_v2));
    }
}
