using System.Diagnostics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Gives launches to another stream one at a time and waits for each: which kernel takes how long. The wait is part of the
/// time; on a GPU it makes every launch some microseconds longer than it is in a step.
/// </summary>
public sealed unsafe class TimedStream(ComputeStream inner) : ComputeStream
{
    private readonly Dictionary<string, (int Launches, TimeSpan Time, KernelCost Cost)> _times = [];

    /// <summary>By kernel: launches, their time and work.</summary>
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
