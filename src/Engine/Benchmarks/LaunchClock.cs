using System.Diagnostics;
using VideoSim.Engine.Devices;

namespace VideoSim.Engine.Benchmarks;

/// <summary>How long calls of one kind took, in microseconds.</summary>
/// <param name="Median">Half of them took no longer.</param>
/// <param name="P10">One in ten took no longer.</param>
/// <param name="P90">Nine in ten took no longer.</param>
/// <param name="Samples">How many calls were timed.</param>
public readonly record struct SampledTime(double Median, double P10, double P90, int Samples)
{
    /// <summary>The shortest of them.</summary>
    public double Best { get; init; }

    /// <summary>Summarises single times in microseconds, in any order.</summary>
    public static SampledTime Of(IEnumerable<double> times)
    {
        double[] sorted = [.. times.Order()];
        return new SampledTime(At(0.5), At(0.1), At(0.9), sorted.Length) { Best = sorted[0] };

        double At(double share) => sorted[(int)Math.Round(share * (sorted.Length - 1))];
    }
}

/// <summary>
/// How much longer one call takes than another. Both are timed in every round, so what changes with time changes both.
/// </summary>
/// <param name="Median">Time over time of the other, in half of the rounds no larger.</param>
/// <param name="Lower">In a quarter of the rounds no larger.</param>
/// <param name="Upper">In three quarters of the rounds no larger.</param>
/// <param name="Rounds">How many rounds there were.</param>
public readonly record struct SampledRatio(double Median, double Lower, double Upper, int Rounds)
{
    /// <summary>Whether the middle half of the rounds agrees which call is faster.</summary>
    public bool IsBeyondSpread => Upper < 1 || Lower > 1;

    /// <summary>Compares the times of two calls, round by round.</summary>
    /// <param name="times">Times of a call.</param>
    /// <param name="others">Times of the other, in the same rounds.</param>
    public static SampledRatio Of(IReadOnlyList<double> times, IReadOnlyList<double> others)
    {
        double[] sorted = [.. times.Zip(others, static (time, other) => time / other).Order()];
        return new(At(0.5), At(0.25), At(0.75), sorted.Length);

        double At(double share) => sorted[(int)Math.Round(share * (sorted.Length - 1))];
    }
}

/// <summary>Measures single calls that launch work on a device's stream.</summary>
public abstract class LaunchClock : IDisposable
{
    private const int WarmUp = 3, FewestSamples = 10, MostSamples = 300;
    private const double Shortest = 1e-3; // microseconds: rates stay finite if the clock measures no time

    /// <summary>The clock of a device: CUDA events on a GPU, the clock of this process elsewhere.</summary>
    public static LaunchClock Of(Device device) => device is CudaDevice cuda ? new CudaLaunchClock(cuda) : new HostLaunchClock(device.Stream);

    /// <summary>Whether the caches contain none of a call's inputs when it begins.</summary>
    public abstract bool IsCold { get; }

    /// <summary>Measures a call many times and waits for each. The first few calls are not counted.</summary>
    /// <param name="call">Launches the work on the device's stream.</param>
    /// <param name="limit">When to stop; 10 calls are timed however long they take.</param>
    /// <param name="cancellation">Stops between calls.</param>
    public SampledTime Sample(Action call, TimeSpan limit, CancellationToken cancellation) => SampledTime.Of(SampleInTurn([call], limit, cancellation)[0]);

    /// <summary>
    /// Measures several calls in rounds, each once a round. Every second round has the reverse order (A B, B A), so no
    /// call is always the first.
    /// </summary>
    /// <param name="calls">The calls.</param>
    /// <param name="limit">When to stop, for each call; there are 10 rounds however long they take.</param>
    /// <param name="cancellation">Stops between calls.</param>
    /// <returns>For each call its times in microseconds, by round.</returns>
    public IReadOnlyList<IReadOnlyList<double>> SampleInTurn(IReadOnlyList<Action> calls, TimeSpan limit, CancellationToken cancellation)
    {
        var times = calls.Select(static _ => new List<double>(MostSamples)).ToArray();
        long start = Stopwatch.GetTimestamp();
        for (int round = -WarmUp; round < MostSamples && (round < FewestSamples || Stopwatch.GetElapsedTime(start) < limit * calls.Count); round++)
        {
            for (int turn = 0; turn < calls.Count; turn++)
            {
                cancellation.ThrowIfCancellationRequested();
                int call = round % 2 == 0 ? turn : calls.Count - 1 - turn;
                double time = Math.Max(Shortest, Time(calls[call]));
                if (round >= 0)
                    times[call].Add(time);
            }
        }
        return times;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the resources of the clock.</summary>
    protected virtual void Dispose(bool disposing) { }

    /// <summary>Measures one call, in microseconds.</summary>
    private protected abstract double Time(Action call);

    private sealed class HostLaunchClock(ComputeStream stream) : LaunchClock
    {
        public override bool IsCold => false;

        private protected override double Time(Action call)
        {
            long start = Stopwatch.GetTimestamp();
            call();
            stream.Synchronize();
            // A TimeSpan would count tenths of a microsecond only.
            return 1e6 * (Stopwatch.GetTimestamp() - start) / Stopwatch.Frequency;
        }
    }
}
