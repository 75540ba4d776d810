using System.Diagnostics;
using System.Globalization;

namespace VideoSim.Peers.Measuring;

/// <summary>
/// The process of one side. It prepares one job and writes the number of parameters. For each line on stdin, which is
/// a number, it runs the job that often and writes the seconds by the clock and by the processor. It ends with stdin.
/// </summary>
internal static class Server
{
    /// <summary>Name of VideoSim's side.</summary>
    public const string Ours = "ours";

    /// <summary>Name of the peer's side.</summary>
    public const string Peer = "peer";

    /// <summary>Serves a job.</summary>
    /// <param name="job">The job.</param>
    /// <param name="side"><see cref="Ours"/> or <see cref="Peer"/>.</param>
    /// <param name="threads">Threads that the side may use.</param>
    public static void Run(Job job, string side, int threads)
    {
        var work = side == Ours ? job.Ours(threads) : job.Peer(threads);
        Answer($"{work.Parameters}");
        while (Console.ReadLine() is { } line)
        {
            int times = int.Parse(line, CultureInfo.InvariantCulture);
            // TorchSharp's Adam frees tensors only when .NET collects their handles, and .NET does not see their size.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var processor = Environment.CpuUsage.TotalTime;
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < times; i++)
                work.Run();
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Answer(string.Create(CultureInfo.InvariantCulture, $"{seconds:R} {(Environment.CpuUsage.TotalTime - processor).TotalSeconds:R}"));
        }
    }

    private static void Answer(string line)
    {
        Console.WriteLine(line);
        Console.Out.Flush();
    }
}
