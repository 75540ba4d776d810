using VideoSim.Engine.Devices;

namespace VideoSim.Engine.Benchmarks;

/// <summary>
/// Times by events, which the GPU notes itself. Before each call a fill of twice the L2 cache's size throws out what the last one left
/// there; it also keeps the GPU busy until event and call have been given to it, so that their way there is not part of the time.
/// </summary>
internal sealed class CudaLaunchClock : LaunchClock
{
    private const int L2BytesIfUnknown = 64 << 20; // more than any GPU of compute capability 8 or 9 has

    private readonly CudaDevice _device;
    private readonly CudaStream _stream;
    private readonly CudaEvent _start, _end;
    private readonly long _flushBytes;
    private readonly nint _flushed;

    public CudaLaunchClock(CudaDevice device)
    {
        (_device, _stream) = (device, (CudaStream)device.Stream);
        (_start, _end) = (new CudaEvent(device.Context), new CudaEvent(device.Context));
        _flushBytes = 2L * (device.Properties.L2Bytes ?? L2BytesIfUnknown);
        _flushed = device.Allocate(_flushBytes);
    }

    public override bool IsCold => true;

    private protected override double Time(Action call)
    {
        _stream.Fill(_flushed, 0, _flushBytes);
        _stream.Record(_start);
        call();
        _stream.Record(_end);
        _end.Wait();
        return _end.MicrosecondsSince(_start);
    }

    protected override void Dispose(bool disposing)
    {
        _start.Dispose();
        _end.Dispose();
        _device.Free(_flushed);
        base.Dispose(disposing);
    }
}
