using System.Text.Json.Serialization;

namespace VideoSim.Models.Profiling;

/// <summary>A GPU of a machine.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Driver">Version of the driver; null if not known.</param>
public sealed record BenchGpu(string Name, string? Driver);

/// <summary>The machine of a run.</summary>
/// <param name="Cpu">Model of the CPU.</param>
/// <param name="Cores">Cores that the program may use.</param>
/// <param name="MemoryBytes">Memory that the program may use.</param>
/// <param name="Os">Operating system.</param>
/// <param name="Gpu">The GPU that was timed; null if none was.</param>
public sealed record BenchMachine(string Cpu, int Cores, long MemoryBytes, string Os, BenchGpu? Gpu);

/// <summary>How busy the machine was; null for what the system does not tell.</summary>
/// <param name="Start">Load average of the minute before the run.</param>
/// <param name="End">Load average of the last minute of the run.</param>
/// <param name="OthersCoresMax">Cores that other programs used, in the row where they used most.</param>
public sealed record BenchLoad(double? Start, double? End, double? OthersCoresMax);

/// <summary>The best rates of the device, measured in the same run: the roofline.</summary>
/// <param name="BytesPerSecond">Rate of a large copy; bytes read and bytes written both count.</param>
/// <param name="FlopsPerSecond">Rate of a large matrix product.</param>
public sealed record BenchCeilings(double BytesPerSecond, double FlopsPerSecond);

/// <summary>A part of a run.</summary>
/// <param name="Name">Its name.</param>
/// <param name="BudgetSeconds">Time that it may take.</param>
/// <param name="Seconds">Time that it took.</param>
/// <param name="Status">"done", "cut" or "not measured".</param>
/// <param name="Reason">Why it is not done; null if it is.</param>
public sealed record BenchRunPart(string Name, double BudgetSeconds, double Seconds, string Status, string? Reason)
{
    /// <summary>Everything was measured.</summary>
    public const string Done = "done";

    /// <summary>The time was used up, the run was stopped, or a program failed. What was measured is there.</summary>
    public const string Cut = "cut";

    /// <summary>Nothing was measured.</summary>
    public const string NotMeasured = "not measured";
}

/// <summary>A run of <c>bench/all</c>, the content of <c>run.json</c>.</summary>
/// <param name="Date">When it began, UTC, as in ISO 8601.</param>
/// <param name="Commit">The commit of the program; null if not known.</param>
/// <param name="Quick">Whether it was a short run, with fewer rounds and cases.</param>
/// <param name="Machine">The machine.</param>
/// <param name="Versions">Versions of programs and libraries.</param>
/// <param name="Clocks">Clocks in MHz, such as "cpu_start"; empty if the system tells none.</param>
/// <param name="Load">How busy the machine was.</param>
/// <param name="Ceilings">Rates of the device; null if they were not measured.</param>
/// <param name="Parts">Its parts.</param>
public sealed record BenchRun(string Date, string? Commit, bool Quick, BenchMachine Machine, IReadOnlyDictionary<string, string> Versions,
    IReadOnlyDictionary<string, double> Clocks, BenchLoad Load, BenchCeilings? Ceilings, IReadOnlyList<BenchRunPart> Parts)
{
    /// <summary>Name of its file in the folder of a run.</summary>
    public const string FileName = "run.json";

    /// <summary>Name of the file of the rows beside it.</summary>
    public const string RowsFileName = "rows.json";
}

/// <summary>JSON of a run and of its rows.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(BenchRun))]
[JsonSerializable(typeof(IReadOnlyList<BenchRow>))]
public sealed partial class BenchRunJson : JsonSerializerContext;
