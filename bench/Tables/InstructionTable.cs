using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Profiling;
using VideoSim.PtxMachine.Counting;

namespace VideoSim.Tables;

/// <summary>The counted instructions of one launch.</summary>
/// <param name="Kernel">Entry of the kernel.</param>
/// <param name="MovedBytes">Bytes of the launch's cost, which tell launches of one kernel apart.</param>
/// <param name="Blocks">Blocks of its grid.</param>
/// <param name="Threads">Threads of a block.</param>
/// <param name="Code">Instructions in the kernel's machine code, each counted once.</param>
/// <param name="Cycles">Cycles of the units for all warps of the launch.</param>
public sealed record CountedInstructions(string Kernel, long MovedBytes, long Blocks, int Threads, int Code, UnitCycles Cycles);

/// <summary>A launch that pages list: of a training step, or of a check.</summary>
/// <param name="Launch">The launch.</param>
/// <param name="Step">The step; null for a check.</param>
/// <param name="Check">The case; null for a step.</param>
public sealed record ListedLaunch(CountedLaunch Launch, StepKind? Step, CheckCase? Check)
{
    /// <summary>The step or the case, in words.</summary>
    public string Where => Step?.ToString() ?? $"check, {Check!.Name}";
}

/// <summary>
/// Instructions of the hand-written kernels in the bf16 steps of the published sizes. The table is kept in the
/// repository, because counting takes minutes.
/// </summary>
/// <param name="Compiler">Version of the compiler.</param>
/// <param name="Launches">The largest launch of each kernel.</param>
public sealed record InstructionTable(string Compiler, IReadOnlyList<CountedInstructions> Launches)
{
    // Of an H100: bytes a second that copies reach, schedulers and their clock, and microseconds to start a kernel.
    private const double Bandwidth = 3.0e12, Schedulers = 132 * 4, Clock = 1.7e9, Start = 2;

    /// <summary>What a row says whose launch is not in the table.</summary>
    public const string NotCounted = "not counted";

    /// <summary>Name of the file.</summary>
    public const string FileName = "instructions.json";

    /// <summary>The table of this build.</summary>
    public static InstructionTable Embedded { get; } = ReadEmbedded();

    /// <summary>Counts the instructions.</summary>
    /// <param name="steps">The steps, from <see cref="FloorsPage.CountSteps"/>.</param>
    /// <param name="compiler">A compiler with lines.</param>
    /// <param name="note">Receives the name of each step before it is counted.</param>
    public static InstructionTable Count(IReadOnlyList<CountedStep> steps, KernelCompiler compiler, Action<string> note)
    {
        var listed = Listed(steps);
        var wanted = listed.Select(static of => (of.Launch.Kernel, Bytes(of.Launch.Cost))).ToHashSet();
        using var stream = new SampledStream(compiler, (kernel, cost) => wanted.Remove((kernel, Bytes(cost))));
        using var device = new SampledDevice(stream);
        StepReplay.Run(device, "reference", listed.Select(static of => of.Step).OfType<StepKind>().Distinct().Select(Noted), CancellationToken.None);
        foreach (var check in listed.Select(static of => of.Check).OfType<CheckCase>())
            CheckRunner.Execute(device, check);
        return wanted.Count > 0 ? throw new InvalidOperationException($"{wanted.First().Kernel} was not launched")
            : new(compiler.Version.ToString(),
            [
                .. from sample in stream.Samples.OrderBy(static sample => sample.Kernel.Entry, StringComparer.Ordinal)
                   select new CountedInstructions(sample.Kernel.Entry, Bytes(sample.Cost), (long)sample.Shape.GridX * sample.Shape.GridY * sample.Shape.GridZ, sample.Shape.BlockX, sample.Code, sample.Cycles.Rounded),
            ]);

        StepKind Noted(StepKind step)
        {
            note($"{step}");
            return step;
        }
    }

    /// <summary>
    /// The largest launch of each kernel that has a CUDA source, in the order of the steps. Behind them those of the
    /// families that no step uses, in their checks.
    /// </summary>
    public static IReadOnlyList<ListedLaunch> Listed(IReadOnlyList<CountedStep> steps)
    {
        ListedLaunch[] ofSteps = [.. StepLaunch.Largest(steps).Where(static of => of.Launch.Shape is not null).Select(static of => new ListedLaunch(of.Launch, of.Step, null))];
        var families = ofSteps.Select(static of => of.Launch.Kernel.Family).ToHashSet();
        return
        [
            .. ofSteps,
            .. Catalog.Kernels.Where(kernel => kernel.Source is not null && !families.Contains(kernel.Family)).Select(CheckLaunch.Largest)
                .Select(static of => new ListedLaunch(of.Launch, null, of.Case)),
        ];
    }

    /// <summary>The instructions of a launch; null if the table has none.</summary>
    public CountedInstructions? Find(CountedLaunch launch) => Launches.FirstOrDefault(counted => counted.Kernel == launch.Kernel.Entry && counted.MovedBytes == Bytes(launch.Cost));

    /// <summary>Rows of a page's table, one for each kernel.</summary>
    /// <param name="launches">Launches, from <see cref="Listed"/>.</param>
    public string Markdown(IEnumerable<ListedLaunch> launches)
    {
        var text = new StringBuilder("""
            | kernel | launch | code | bytes, us | instructions, M | issue, us | float | integer | special | load, store | bound by | share |
            |---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|
            """);
        foreach (var listed in launches)
        {
            var launch = listed.Launch;
            double bytes = 1e6 * launch.Cost.MovedBytes / Bandwidth;
            text.Append(CultureInfo.InvariantCulture, $"\n| `{launch.Kernel.Entry}` | {listed.Where} | ");
            if (Find(launch) is not { } counted)
            {
                text.Append(CultureInfo.InvariantCulture, $"{NotCounted} | {bytes:F1} | | | | | | | | |");
                continue;
            }
            var cycles = counted.Cycles;
            var (unit, longest) = cycles.Longest;
            double time = Math.Max(bytes, Microseconds(longest));
            (string bound, string share) = time < Start ? ("start", "") : bytes >= Microseconds(longest) ? ("bytes", "1.00") : (unit, (bytes / time).ToString("F2", CultureInfo.InvariantCulture));
            text.Append(CultureInfo.InvariantCulture, $"{counted.Code:N0} | {bytes:F1} | {cycles.Issue / 1e6:F2} | {Microseconds(cycles.Issue):F1} | {Microseconds(cycles.Float):F1} | ")
                .Append(CultureInfo.InvariantCulture, $"{Microseconds(cycles.Integer):F1} | {Microseconds(cycles.Special):F1} | {Microseconds(cycles.Memory):F1} | {bound} | {share} |");
        }
        return text.ToString();
    }

    /// <summary>The table as JSON, one launch a line.</summary>
    public string ToJson()
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"{{\n  \"compiler\": \"{Compiler}\",\n  \"launches\": ["));
        text.AppendJoin(",", Launches.Select(static launch => $"\n    {JsonSerializer.Serialize(launch, InstructionJson.Default.CountedInstructions)}"));
        return text.Append("\n  ]\n}\n").ToString();
    }

    private static double Microseconds(double cycles) => 1e6 * cycles / (Schedulers * Clock);

    private static long Bytes(KernelCost cost) => (long)cost.MovedBytes;

    private static InstructionTable ReadEmbedded()
    {
        using var stream = typeof(InstructionTable).Assembly.GetManifestResourceStream(FileName)!;
        return JsonSerializer.Deserialize(stream, InstructionJson.Default.InstructionTable)!;
    }
}

/// <summary>JSON of tables of instructions.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(InstructionTable))]
internal sealed partial class InstructionJson : JsonSerializerContext;
