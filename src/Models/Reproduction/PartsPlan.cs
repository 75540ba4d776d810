using System.Text;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Reproduction;

/// <summary>A part of a reproduction in <c>reproduce --plan</c>.</summary>
/// <param name="Index">Number of the part, from 1.</param>
/// <param name="Name">Its name.</param>
/// <param name="State">
/// done; in progress; free: a process may do it now; waits: parts that it needs are not done.
/// </param>
/// <param name="Owner">The process that does it; null unless it is in progress.</param>
/// <param name="Command">The command that does it.</param>
/// <param name="Needs">Indices of the parts that must be done before.</param>
/// <param name="Flops">Floating-point operations of all its updates.</param>
/// <param name="MemoryBytes">All memory that its training allocates on the device.</param>
/// <param name="Seconds">
/// Time of its updates at the rate of a bench; null without a bench of its model and stage. Validations and embeddings
/// come on top.
/// </param>
public sealed record PlannedPart(int Index, string Name, string State, string? Owner, string Command, IReadOnlyList<int> Needs, double Flops, long MemoryBytes, double? Seconds);

/// <summary>The parts of a reproduction, for a scheduler.</summary>
/// <param name="Parts">The parts in the order in which one process does them.</param>
/// <param name="Collect">The command that writes the results when all parts are done.</param>
public sealed record PartsPlan(IReadOnlyList<PlannedPart> Parts, string Collect)
{
    // No machine is so slow. It keeps all times finite.
    private const double MostSecondsOfAFlop = 1;

    /// <summary>Lists the parts and reads how far each is. Nothing is written.</summary>
    /// <param name="options">The reproduction.</param>
    /// <param name="packsProducts">True for the CPU, which needs memory for packed operands of products.</param>
    /// <param name="rates">Seconds of a floating-point operation, by model and stage.</param>
    /// <param name="command">The command with some more words.</param>
    /// <exception cref="DataException">The folder has something else than this reproduction.</exception>
    public static PartsPlan Of(ReproductionOptions options, bool packsProducts, IReadOnlyDictionary<(string Model, string Stage), double> rates, Func<string, string> command)
    {
        RunFolder.RequireSame(options.OutputDirectory, options.Arguments(), new ReproductionLayout(), options.Tuning);
        var runs = ReproductionPlan.RunsOf(options, packsProducts).ToDictionary(static run => (run.Model, run.Stage));
        var folder = new PartFolder(options, TimeProvider.System);
        var claims = folder.Claims();
        var parts = ReproductionPart.AllOf(options);
        var done = parts.Where(folder.IsDone).Select(static part => part.Index).ToHashSet();
        return new PartsPlan([.. parts.Select(Plan)], command("--collect"));

        PlannedPart Plan(ReproductionPart part)
        {
            var run = runs[(part.Model, part.Fold is null ? RunArguments.Pretrain : RunArguments.Finetune)];
            double flops = run.Steps * run.FlopsPerStep;
            var claim = claims.GetValueOrDefault(part.FileName);
            bool isBusy = claim is { IsFree: false } && !done.Contains(part.Index);
            string state = done.Contains(part.Index) ? "done" : isBusy ? "in progress" : part.Needs.All(done.Contains) ? "free" : "waits";
            return new PlannedPart(part.Index, part.Name, state, isBusy ? claim!.Owner?.ToString() : null, command($"--part {part.Index}"), part.Needs, flops, run.DeviceBytes,
                rates.TryGetValue((run.Model, run.Stage), out double rate) ? rate * flops : null);
        }
    }

    /// <summary>Reads rates from results of <c>bench --json</c>, one on each line.</summary>
    /// <param name="file">The file.</param>
    /// <param name="preset">The preset of the parts.</param>
    /// <param name="warn">Receives a line for each rate that was measured with another preset.</param>
    /// <returns>Seconds of a floating-point operation, by model and stage; of equal ones the last.</returns>
    /// <exception cref="DataException">A line is something else; the message names it.</exception>
    public static IReadOnlyDictionary<(string Model, string Stage), double> ReadRates(string file, string preset, Action<string> warn)
    {
        var rates = new Dictionary<(string, string), double>();
        string[] lines = FileFailure.ReadAllText(file).Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(lines[i]))
                continue;
            var bench = JsonFile.Parse(file, Encoding.UTF8.GetBytes(lines[i]), RatesJson.Default.MeasuredStep, line: i + 1);
            string place = $"{file}: line {i + 1}";
            double rate = bench.MedianMilliseconds / 1e3 / bench.Flops ?? 0;
            if (bench is not { Model: not null, Stage: not null, MedianMilliseconds: > 0, Flops: > 0 } || rate is not (> 0 and < MostSecondsOfAFlop))
                throw new DataException($"{place}: is not a result of 'bench --json' that measured a step");
            if (!ModelZoo.Names.Contains(bench.Model) || bench.Stage is not (RunArguments.Pretrain or RunArguments.Finetune))
                throw new DataException($"{place}: there is no part that trains {Printable.Quote(bench.Model)} in stage {Printable.Quote(bench.Stage)}");
            if (bench.Preset is not null && bench.Preset != preset)
                warn($"{place}: warning: was measured with preset {Printable.Quote(bench.Preset)}, not {Printable.Quote(preset)}; steps of other sizes have other rates");
            rates[(bench.Model, bench.Stage)] = rate;
        }
        return rates.Count > 0 ? rates : throw new DataException($"{file}: has no result of 'bench --json'");
    }
}

/// <summary>What is read of a result of <c>bench --json</c>.</summary>
internal sealed record MeasuredStep(string? Model, string? Stage, string? Preset, double? MedianMilliseconds, double Flops);

/// <summary>JSON of rates.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(MeasuredStep))]
internal sealed partial class RatesJson : JsonSerializerContext;
