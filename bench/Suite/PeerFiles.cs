using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using VideoSim.Engine;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Profiling;

namespace VideoSim.Suite;

/// <summary>Reads the results of the programs that measure peers.</summary>
internal static partial class PeerFiles
{
    private const string Cpu = "cpu";

    /// <summary>Both sides of the jobs in a file of <c>Peers.TorchSharp</c> or <c>Peers.OnnxRuntime</c>.</summary>
    /// <param name="file">The file.</param>
    /// <param name="system">Name of the peer in the rows.</param>
    /// <exception cref="DataException">The file cannot be read or is no such result.</exception>
    public static RoundResults OfTurns(string file, string system)
    {
        var results = JsonFile.Read(file, PeerFilesJson.Default.TurnsFile);
        var rows = new List<BenchRow>();
        foreach (var job in results.Jobs)
        {
            if (job is null || job.Ours.Samples.Contains(null!) || job.Peer.Samples.Contains(null!))
                throw new DataException($"{file}: a job or a sample is null");
            var (name, shape, size, flops) = Parse(job.Name);
            rows.Add(Row(BenchRow.OurSystem, job.Ours));
            rows.Add(Row(system, job.Peer));

            BenchRow Row(string program, TurnsSide side)
            {
                double[] turns = [.. side.Samples.Select(static sample => sample.Milliseconds)];
                if (turns.Length == 0 || turns.Any(static turn => turn <= 0))
                    throw new DataException($"{file}: {Printable.OneLine(job.Name)}: samples must be times above 0, and at least one");
                var time = SampledTime.Of(turns);
                return new BenchRow("", name, name.Split(' ')[0], program, shape, size, Cpu, results.Options.Threads,
                    new RowTime(time.Median, time.P10, time.P90, time.Best, time.Samples, turns), null, flops, null, side.PeakBytes, null, job.Others);
            }
        }
        // "TorchSharp 0.107.0, libtorch 2.10.0.0"
        return new RoundResults(rows, null, results.Peer.Split(", ").Select(static peer => peer.Split(' ', 2)).Where(static words => words.Length == 2)
            .ToDictionary(static words => words[0].ToLowerInvariant(), static words => words[1]));
    }

    /// <summary>The variants in a file of a script of <c>bench/gpu/peers</c>.</summary>
    /// <param name="file">The file.</param>
    /// <param name="script">Name of the script.</param>
    /// <exception cref="DataException">The file cannot be read or is no such result.</exception>
    public static RoundResults OfPytorch(string file, string script)
    {
        var all = JsonFile.ReadObject(file);
        if (all["results"] is not JsonObject variants || TextOf(all["torch"]) is not { } version)
            throw new DataException($"{file}: is no result of bench/gpu/peers: it has no torch and results");
        string shape = string.Join(", ", all.Where(static pair => pair.Value?.GetValueKind() == System.Text.Json.JsonValueKind.Number && pair.Key != "seconds").Select(static pair => $"{pair.Key} {pair.Value}"));
        string device = TextOf(all["gpu"]) ?? Cpu;
        var rows = new List<BenchRow>();
        foreach (var (variant, value) in variants)
        {
            if (value is not JsonObject times || times["median"] is null)
                continue; // an error, which the log has
            double median = Number("median"), p10 = Number("p10"), p90 = Number("p90");
            string first = variant.Split(' ', ',')[0]; // "eager forward", "triton, fp32"
            string? system = first is "eager" or "compiled" ? $"pytorch {first}" : first is "triton" or "liger" ? first : null;
            rows.Add(new BenchRow("", system is null ? $"{script} {variant}" : $"{script}{variant[first.Length..]}", script, system ?? "pytorch", shape, null, device, null,
                RowTime.Of(median, p10, p90, p10, (int)Number("samples", 1)), null, null, null, null, null, null));

            double Number(string key, double unit = 1e3) => times[key] is JsonValue number && number.TryGetValue(out double read) && read > 0 ? read / unit
                : throw new DataException($"{file}: results: {Printable.Quote(variant)}: {key} must be a number above 0");
        }
        return new RoundResults(rows, null, new Dictionary<string, string> { ["pytorch"] = version });
    }

    // "LayerNorm forward-backward [512, 768]", "product NT 512x768x768", "uniter tiny step, batch 64",
    // "attention forward-backward 8 x 64, 12 heads of 64, dropout 0"
    internal static (string Name, string Shape, long? Size, double? Flops) Parse(string job)
    {
        if (RowShape().Match(job) is { Success: true } rows)
        {
            int[] sizes = [.. rows.Groups[2].Value.Split(", ").Select(static size => int.Parse(size, CultureInfo.InvariantCulture))];
            return (rows.Groups[1].Value, string.Join(" x ", sizes), sizes.Aggregate(1L, static (product, size) => product * size), null);
        }
        if (Product().Match(job) is { Success: true } product)
            return ("matmul", product.Groups[1].Value, null, 2 * product.Groups[2].Captures.Aggregate(1.0, static (flops, size) => flops * int.Parse(size.ValueSpan, CultureInfo.InvariantCulture)));
        if (SizesOfAttention().Match(job) is { Success: true } attention)
            return (attention.Groups[1].Value, attention.Groups[2].Value, null, null);
        int comma = job.IndexOf(", ", StringComparison.Ordinal);
        return comma < 0 ? (job, "", null, null) : (job[..comma], job[(comma + 2)..], null, null);
    }

    private static string? TextOf(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    [GeneratedRegex(@"^(.+) \[(\d{1,6}(?:, \d{1,6})*)\]$")]
    private static partial Regex RowShape();

    [GeneratedRegex(@"^(.+ forward-backward) (\d.+)$")]
    private static partial Regex SizesOfAttention();

    [GeneratedRegex(@"^product ([NT]{2} (?:(\d{1,6})x?){3})$")]
    private static partial Regex Product();
}

/// <summary>The part of a peer's file that is read.</summary>
internal sealed record TurnsFile(string Peer, TurnsOptions Options, IReadOnlyList<TurnsJob> Jobs);

/// <summary>How it was measured.</summary>
internal sealed record TurnsOptions(int Threads);

/// <summary>A job.</summary>
internal sealed record TurnsJob(string Name, TurnsSide Ours, TurnsSide Peer, double? Others);

/// <summary>A side: its turns.</summary>
internal sealed record TurnsSide(IReadOnlyList<TurnsSample> Samples, long PeakBytes);

/// <summary>A turn: the mean of its repetitions.</summary>
internal sealed record TurnsSample(double Milliseconds);

/// <summary>JSON of these.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TurnsFile))]
internal sealed partial class PeerFilesJson : JsonSerializerContext;
