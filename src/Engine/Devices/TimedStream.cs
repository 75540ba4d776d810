using System.Diagnostics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Launches kernels on another stream one at a time, waits for each, and adds up the times by kernel. The wait is part
/// of the time: on a GPU it adds some microseconds to every launch.
/// </summary>
public sealed unsafe class TimedStream(ComputeStream inner) : ComputeStream
{
    private readonly Dictionary<string, (int Launches, TimeSpan Time, KernelCost Cost)> _times = [];

    /// <summary>Launches, their time and their work, by kernel.</summary>
    public IReadOnlyDictionary<string, (int Launches, TimeSpan Time, KernelCost Cost)> Times => _times;

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Launch(kernel, args, bytes);
        inner.Synchronize();
        var time = Stopwatch.GetElapsedTime(start);
        var before = _times.GetValueOrDefault(kernel.Entry);
        _times[kernel.Entry] = (before.Launches + 1, before.Time + time, before.Cost + kernel.Cost(args));
    }
}
