using VideoSim.Engine.Devices;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Benchmarks;

/// <summary>
/// Measures time with CUDA events, which the GPU records. Before each call a kernel reads twice as many bytes as the
/// L2 cache has, which removes the data of the last call from it. The kernel reads and does not write, because the
/// cache keeps written lines until something replaces them. A fill would leave a cache full of changed lines, and the
/// timed kernel would have to write them to memory (up to 50 MB on an H100). The read also keeps the GPU busy while
/// event and call are submitted, so the time of submission is not measured.
/// </summary>
internal sealed class CudaLaunchClock : LaunchClock
{
    private const int L2BytesIfUnknown = 64 << 20; // more than any GPU of compute capability 8 or 9 has
    private const int RowBytes = 96 << 10; // of each block; an H100 then gets 8 blocks for each multiprocessor

    private readonly CudaDevice _device;
    private readonly CudaStream _stream;
    private readonly CudaEvent _start, _end;

    public CudaLaunchClock(CudaDevice device)
    {
        (_device, _stream) = (device, (CudaStream)device.Stream);
        (_start, _end) = (new CudaEvent(device.Context), new CudaEvent(device.Context));
        Rows = (int)((2L * (device.Properties.L2Bytes ?? L2BytesIfUnknown) + RowBytes - 1) / RowBytes);
        Flushing = device.Allocate((long)Rows * RowBytes);
        Sums = device.Allocate(Rows * sizeof(float));
    }

    public override bool IsCold => true;

    /// <summary>Memory that is read before each call: fp32 [<see cref="Rows"/>, 96 KiB].</summary>
    internal nint Flushing { get; }

    /// <summary>Sums of the rows, the only result of that read [<see cref="Rows"/>].</summary>
    internal nint Sums { get; }

    internal int Rows { get; }

    private protected override unsafe double Time(Action call)
    {
        _stream.Run(TotalKernels.Sum, new TotalArgs { X = (float*)Flushing, Y = (float*)Sums, Rows = Rows, Count = RowBytes / sizeof(float), Scale = 1 });
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
        _device.Free(Flushing);
        _device.Free(Sums);
        base.Dispose(disposing);
    }
}
