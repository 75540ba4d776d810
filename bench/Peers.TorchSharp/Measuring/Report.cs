using System.Globalization;
using VideoSim.Engine.Benchmarks;

namespace VideoSim.Peers.Measuring;

/// <summary>Results as a table in Markdown. A row is written as soon as its job is measured.</summary>
internal static class Report
{
    /// <summary>The conditions and the head of the table.</summary>
    public static void WriteHead(PeerResults results)
    {
        var (conditions, options) = (results.Conditions, results.Options);
        string malloc = options.PeerKeepsMemory ? ", malloc keeps memory" : "";
        Write($"{conditions.Processor}, {conditions.Machine}");
        Write($"{conditions.Date}, commit {conditions.Commit}, load average {results.LoadAverage:F2}");
        Write($"peer: {results.Peer}{malloc}; {options.Threads} threads, {options.Rounds} rounds");
        Write($"");
        Write($"| job | VideoSim ms | peer ms | ratio (quartiles) | CPU time ratio | VideoSim MB | peer MB | memory ratio | others |");
        Write($"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    }

    /// <summary>The row of a job.</summary>
    public static void WriteRow(JobResult job)
    {
        double ours = job.Ours.PeakBytes / 1e6, peer = job.Peer.PeakBytes / 1e6;
        string times = Invariant($"{job.Ours.MedianMilliseconds:F3} | {job.Peer.MedianMilliseconds:F3}");
        string ratios = Invariant($"{job.Ratio:F2} ({job.LowerQuartile:F2}-{job.UpperQuartile:F2}) | {job.CpuRatio:F2}");
        string memory = Invariant($"{ours:F0} | {peer:F0} | {ours / peer:F2}");
        string others = job.Others is { } cores ? Invariant($"{cores:F2}") : "?";
        Write($"| {job.Name} | {times} | {ratios} | {memory} | {others}{(job.IsDisturbed ? " !" : "")} |");
    }

    /// <summary>What belongs below the table.</summary>
    public static void WriteEnd(IReadOnlyList<JobResult> jobs)
    {
        Write($"");
        double[] products = [.. jobs.Where(static job => job.Name.StartsWith(Job.Product, StringComparison.Ordinal)).Select(static job => job.Ratio)];
        if (products.Length > 0)
            Write($"geometric mean of the ratios of {products.Length} products: {Math.Exp(products.Average(Math.Log)):F2}");
        int disturbed = jobs.Count(static job => job.IsDisturbed);
        if (disturbed > 0)
            Write($"! {disturbed} of {jobs.Count} rows are not to be trusted: other programs used more than {MachineLoad.MostOthers} cores");
    }

    private static void Write(FormattableString line) => Console.WriteLine(Invariant(line));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
