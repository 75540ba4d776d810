using System.Diagnostics;
using VideoSim.Engine;
using VideoSim.Engine.Benchmarks;

namespace VideoSim.Peers.Measuring;

/// <summary>How both sides are measured.</summary>
/// <param name="Threads">Threads of each side.</param>
/// <param name="Rounds">Turns of each side that count.</param>
/// <param name="PeerKeepsMemory">Whether the peer's side runs with a malloc that keeps memory.</param>
internal sealed record TurnOptions(int Threads, int Rounds, bool PeerKeepsMemory);

/// <summary>Measures a job: one process for each side, turn by turn.</summary>
internal static class Turns
{
    private const double WarmUpSeconds = 0.5, SecondsOfATurn = 0.1;
    private const int FewestWarmUps = 2;

    // The threads of OpenMP wait for more work in a loop before they sleep. The next turn begins after that.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(15);

    /// <summary>Measures a job.</summary>
    /// <exception cref="DataException">
    /// A process ended, or the sides have different numbers of parameters.
    /// </exception>
    public static JobResult Measure(Job job, TurnOptions options)
    {
        using var ours = new Side(Server.Ours, job.Name, options.Threads, keepsMemory: false);
        using var peer = new Side(Server.Peer, job.Name, options.Threads, options.PeerKeepsMemory);
        if (ours.Parameters != peer.Parameters)
            throw new DataException($"{job.Name}: VideoSim has {ours.Parameters} parameters, the peer has {peer.Parameters}: the networks are not equal");
        int oursTimes = WarmUp(ours), peerTimes = WarmUp(peer);
        var (oursSamples, peerSamples) = (new List<Sample>(), new List<Sample>());
        var begin = MachineLoad.Now(ours.CpuTime + peer.CpuTime);
        for (int round = 0; round < options.Rounds; round++)
        {
            oursSamples.Add(Turn(ours, oursTimes));
            peerSamples.Add(Turn(peer, peerTimes));
        }
        var end = MachineLoad.Now(ours.CpuTime + peer.CpuTime);
        return JobResult.Of(job.Name, ours.Parameters, new SideResult(oursSamples, ours.PeakBytes), new SideResult(peerSamples, peer.PeakBytes),
            MachineLoad.OthersBetween(begin, end));
    }

    // Runs a side until the runtime has compiled its methods. Returns the repetitions of a turn.
    private static int WarmUp(Side side)
    {
        long start = Stopwatch.GetTimestamp();
        double milliseconds = 0;
        for (int i = 0; i < FewestWarmUps || Stopwatch.GetElapsedTime(start).TotalSeconds < WarmUpSeconds; i++)
            milliseconds = side.Run(1).Milliseconds;
        int times = Math.Max(1, (int)(1e3 * SecondsOfATurn / milliseconds));
        if (times > 1)
            side.Run(times);
        return times;
    }

    private static Sample Turn(Side side, int times)
    {
        Thread.Sleep(Pause);
        return side.Run(times);
    }
}
