using System.Text.Json;
using VideoSim.Engine.Benchmarks;
using VideoSim.Models.Profiling;

namespace VideoSim.Peers.Measuring;

/// <summary>A side in a job.</summary>
/// <param name="Samples">Its turns, in order.</param>
/// <param name="PeakBytes">Largest resident memory of its process.</param>
internal sealed record SideResult(IReadOnlyList<Sample> Samples, long PeakBytes)
{
    /// <summary>Median time of a repetition by the clock.</summary>
    public double MedianMilliseconds => Quantile(Samples.Select(static sample => sample.Milliseconds), 0.5);

    /// <summary>Median processor time of a repetition.</summary>
    public double MedianCpuMilliseconds => Quantile(Samples.Select(static sample => sample.CpuMilliseconds), 0.5);

    /// <summary>A value of the samples: the one that has this share of them below it.</summary>
    public static double Quantile(IEnumerable<double> samples, double share)
    {
        double[] sorted = [.. samples.Order()];
        return sorted[(int)Math.Round(share * (sorted.Length - 1))];
    }
}

/// <summary>Both sides in a job. A ratio is the peer's time over ours in the same round.</summary>
/// <param name="Name">The job.</param>
/// <param name="Parameters">Trained values of each side.</param>
/// <param name="Ours">VideoSim.</param>
/// <param name="Peer">The peer.</param>
/// <param name="Ratio">Median of the ratios.</param>
/// <param name="LowerQuartile">Lower quartile of the ratios.</param>
/// <param name="UpperQuartile">Upper quartile of the ratios.</param>
/// <param name="CpuRatio">The peer's median processor time over ours.</param>
/// <param name="Others">Cores that other programs used during the turns; null if the system does not tell.</param>
internal sealed record JobResult(string Name, long Parameters, SideResult Ours, SideResult Peer, double Ratio, double LowerQuartile, double UpperQuartile,
    double CpuRatio, double? Others)
{
    /// <summary>Whether other programs used so much that the times are not to be trusted.</summary>
    public bool IsDisturbed => Others > MachineLoad.MostOthers;

    /// <summary>Both sides of a job, with the ratios of their turns.</summary>
    public static JobResult Of(string name, long parameters, SideResult ours, SideResult peer, double? others)
    {
        double[] ratios = [.. ours.Samples.Zip(peer.Samples, static (our, other) => other.Milliseconds / our.Milliseconds)];
        return new JobResult(name, parameters, ours, peer, SideResult.Quantile(ratios, 0.5), SideResult.Quantile(ratios, 0.25), SideResult.Quantile(ratios, 0.75),
            peer.MedianCpuMilliseconds / ours.MedianCpuMilliseconds, others);
    }
}

/// <summary>A run: the conditions and the jobs.</summary>
/// <param name="Conditions">Date, commit and machine.</param>
/// <param name="LoadAverage">Load average of the minute before the run.</param>
/// <param name="Peer">Name and version of the peer.</param>
/// <param name="Options">How both sides were measured.</param>
/// <param name="Jobs">The jobs.</param>
internal sealed record PeerResults(BenchConditions Conditions, double LoadAverage, string Peer, TurnOptions Options, IReadOnlyList<JobResult> Jobs)
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Writes the results as JSON.</summary>
    public void WriteJson(Stream stream)
    {
        JsonSerializer.Serialize(stream, this, Json);
        stream.WriteByte((byte)'\n');
    }
}
