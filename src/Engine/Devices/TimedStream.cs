using System.Diagnostics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Gives launches to another stream one at a time and waits for each: which kernel takes how long. The wait is part of the
/// time; on a GPU it makes every launch some microseconds longer than it is in a step.
/// </summary>
public sealed unsafe class TimedStream(ComputeStream inner) : ComputeStream
{
    private const string Product = "matmul";

    private readonly Dictionary<string, (int Launches, TimeSpan Time, KernelCost Cost)> _times = [];

    /// <summary>By kernel: launches, their time and work. Matrix products count as one kernel.</summary>
    public IReadOnlyDictionary<string, (int Launches, TimeSpan Time, KernelCost Cost)> Times => _times;

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Launch(kernel, args, bytes);
        Add(kernel.Entry, start, kernel.Cost(args));
    }

    /// <inheritdoc/>
    public override void MatMul(in MatMulArgs args)
    {
        long start = Stopwatch.GetTimestamp();
        inner.MatMul(args);
        Add(Product, start, MatMulKernels.Cost(args));
    }

    private void Add(string name, long start, KernelCost cost)
    {
        inner.Synchronize();
        var time = Stopwatch.GetElapsedTime(start);
        var before = _times.GetValueOrDefault(name);
        _times[name] = (before.Launches + 1, before.Time + time, before.Cost + cost);
    }
}
