using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace VideoSim.Cpu.Bench;

/// <summary>The conditions of a result.</summary>
/// <param name="Date">When the run began, UTC.</param>
/// <param name="Machine">Processor, cores, runtime, system.</param>
/// <param name="LoadAverage">
/// Load average of the last minute at the begin of the run; null if the system has none.
/// </param>
/// <param name="Threads">Threads that shared the work.</param>
/// <param name="Rounds">Samples of each subject.</param>
internal sealed record Conditions(string Date, string Machine, double? LoadAverage, int Threads, int Rounds)
{
    private const string CpuInfo = "/proc/cpuinfo", LoadInfo = "/proc/loadavg";

    /// <summary>The format of the results.</summary>
    public static JsonSerializerOptions Json { get; } = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Reads the conditions. Called before the program causes load.</summary>
    public static Conditions Now(TimeProvider clock, int threads, int rounds)
    {
        string? model = File.Exists(CpuInfo) ? File.ReadLines(CpuInfo).FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
        string processor = model?.Split(": ")[^1] ?? RuntimeInformation.ProcessArchitecture.ToString();
        double? load = File.Exists(LoadInfo) ? double.Parse(File.ReadAllText(LoadInfo).Split(' ')[0], CultureInfo.InvariantCulture) : null;
        return new Conditions(clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm'Z'", CultureInfo.InvariantCulture),
            $"{processor}, {Environment.ProcessorCount} cores, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}", load, threads, rounds);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Date}: {Machine}; {Threads} threads, load average {LoadAverage}");
}
