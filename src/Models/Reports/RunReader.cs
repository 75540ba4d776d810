using System.Globalization;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Datasets;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reports;

/// <summary>Reads the folder of one training run. Nothing in it is changed, so the run may still be going.</summary>
internal static class RunReader
{
    public const string Metrics = "metrics.jsonl", Timing = RunTiming.Name, Environment = RunSessions.Name;

    /// <summary>Keys of metrics.jsonl and timing.jsonl that have a curve.</summary>
    public const string Loss = "loss", Rate = "learning_rate", EncoderRate = "encoder_learning_rate", GradientNorm = "grad_norm",
        Validation = "val_spearman", Throughput = "samples_per_second";

    private const double MostSeconds = 1e9; // about 30 years, between two lines
    private const double MostOfTotal = 1.01;
    private const int LongestCommand = 4000;

    private static readonly (string Key, double Low, double High, string Range)[] Measures =
    [
        (Loss, -float.MaxValue, float.MaxValue, "a finite number that a float can hold"), (Rate, 0, float.MaxValue, "a finite number from 0"),
        (EncoderRate, 0, float.MaxValue, "a finite number from 0"), (GradientNorm, 0, float.MaxValue, "a finite number from 0"), (Validation, -1, 1, "a number from \u22121 to 1"),
    ];

    private static readonly string[] TimedParts = ["seconds", "input", "train", "validation", "saving"];

    /// <summary>Reads a run.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="notes">Receives what could not be read.</param>
    /// <exception cref="DataException">args.json cannot be read or is not that of a training run.</exception>
    public static RunRecord Read(string folder, List<string> notes)
    {
        var arguments = ReadArguments(folder);
        string stage = arguments.Text("command") ?? "";
        if (stage is not ("pretrain" or "finetune") || arguments[stage] is not JsonObject recipe || arguments["model"] is not JsonObject model || model.Text("model") is not { } name || recipe.Whole("steps") is not { } steps)
            throw new DataException($"{Path.Combine(folder, RunFolder.Arguments)}: is not that of a training run");
        if (arguments.Text("data")?.Contains('\0') ?? false)
            notes.Add($"{Path.Combine(folder, RunFolder.Arguments)}: data is not a path, so pairs have no titles");
        var lines = WithSteps(Path.Combine(folder, Metrics), steps, notes);
        var timing = WithSteps(Path.Combine(folder, Timing), steps, notes);
        var sessions = Sessions(folder, notes);
        var curves = new Dictionary<string, Series>();
        foreach (var (key, low, high, range) in Measures)
        {
            Add(curves, key, low, high, lines);
            NoteOutside(Path.Combine(folder, Metrics), lines, key, low, high, range, notes);
        }
        foreach (string key in TimedParts)
            NoteOutside(Path.Combine(folder, Timing), timing, key, 0, MostSeconds, "a number of seconds from 0 to 1e9", notes);
        // A line without a step since the line before has no throughput.
        Add(curves, Throughput, double.Epsilon, float.MaxValue, timing);
        return new RunRecord
        {
            Folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)),
            Arguments = arguments,
            Stage = stage,
            Model = Printable.OneLine(name),
            Fold = stage == "finetune" && arguments.Whole("fold") is { } fold and > 0 and <= int.MaxValue ? (int)fold : null,
            Steps = steps,
            Done = lines.Count > 0 ? lines.Max(StepOf) : 0,
            IsComplete = Directory.Exists(Path.Combine(folder, ModelFolder.LastOfRun)),
            Curves = curves,
            Events = [.. Events(lines, sessions)],
            Sessions = sessions,
            Time = TimeOf(Path.Combine(folder, Timing), timing, notes),
            MemoryBytes = timing.Max(static line => line.Number("memory_bytes", 0)),
            Pairs = ValidationFiles.Pairs(Path.Combine(folder, PairValidation.PairsFile), lines.LastOrDefault(static line => line.ContainsKey(Validation))?.Number(Validation, -1, 1), notes),
            Health = ValidationFiles.Health(Path.Combine(folder, PairValidation.EmbeddingsFile), notes),
            Inputs = Inputs(Path.Combine(folder, "inputs.json"), notes),
        };
    }

    /// <summary>The args.json of a folder.</summary>
    /// <exception cref="DataException">There is none, or it cannot be read.</exception>
    public static JsonObject ReadArguments(string folder)
    {
        string file = Path.Combine(folder, RunFolder.Arguments);
        return JsonFile.ReadObject(file);
    }

    /// <summary>The value of a JSON file; null with a note if it is damaged, null if there is none.</summary>
    public static T? Typed<T>(string file, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, List<string> notes) where T : class
    {
        if (JsonLines.ReadFile(file, notes) is not { } bytes)
            return null;
        try
        {
            return JsonFile.Parse(file, bytes, type);
        }
        catch (DataException e)
        {
            notes.Add($"{e.Message}; it is left out");
            return null;
        }
    }

    // The lines that have a step of the run.
    private static List<JsonObject> WithSteps(string file, long steps, List<string> notes)
    {
        var all = JsonLines.Read(file, notes);
        var bad = all.Where(line => !(line.Whole("step") <= steps)).ToList();
        if (bad.Count > 0)
        {
            notes.Add(bad.Count == all.Count ? $"{file}: no line has a step that is a whole number from 0 to {steps}, so there are no curves"
                : $"{file}: the step {Printable.OneLine(bad[0]["step"]?.ToJsonString() ?? "that is missing")} is not a whole number from 0 to {steps}; its line is left out{More(bad.Count)}");
        }
        return [.. all.Except(bad)];
    }

    private static long StepOf(JsonObject line) => line.Whole("step")!.Value;

    private static void Add(Dictionary<string, Series> curves, string key, double low, double high, List<JsonObject> lines)
    {
        var points = lines.Select(line => (Step: StepOf(line), Value: line.Number(key, low, high))).Where(static point => point.Value is not null).ToList();
        if (points.Count > 0)
            curves[key] = new Series([.. points.Select(static point => point.Step)], [.. points.Select(static point => point.Value!.Value)]);
    }

    private static void NoteOutside(string file, List<JsonObject> lines, string key, double low, double high, string range, List<string> notes)
    {
        // A score that is null is undefined.
        var bad = lines.Where(line => line.ContainsKey(key) && !(key == Validation && line[key] is null) && line.Number(key, low, high) is null).ToList();
        if (bad.Count > 0)
            notes.Add($"{file}: the {key} of step {StepOf(bad[0])} is not {range} and is left out{More(bad.Count)}");
    }

    private static string More(int count) => count > 1 ? $", and so are {count - 1} more" : "";

    private static IReadOnlyList<FileDigest> Inputs(string file, List<string> notes)
    {
        if (JsonLines.ReadFile(file, notes) is not { } bytes)
            return [];
        try
        {
            return RunInputs.Parse(file, bytes);
        }
        catch (DataException e)
        {
            notes.Add($"{e.Message}; it is left out");
            return [];
        }
    }

    private static IEnumerable<RunEvent> Events(IReadOnlyList<JsonObject> lines, IReadOnlyList<SessionRow> sessions)
    {
        foreach (var session in sessions.Where(static session => session.FromStep > 0))
            yield return new RunEvent("resume", session.FromStep!.Value, $"resumed from step {session.FromStep}");
        foreach (var line in lines)
        {
            if (line.Whole("rollback") is not null)
                yield return new RunEvent("rollback", StepOf(line), $"rolled back to step {line.Whole("to")?.ToString(CultureInfo.InvariantCulture) ?? "?"}: {Printable.OneLine(line.Text("reason") ?? "?")}");
            if (line.Text(RunMetrics.Stopped) is { } reason)
                yield return new RunEvent(RunEvent.NotFinite, StepOf(line), $"stopped: {Printable.OneLine(reason)}");
            if (line.Whole("early_stopping") is { } patience)
                yield return new RunEvent("early stopping", StepOf(line), $"stopped early: {patience} validations without a better score");
        }
    }

    private static IReadOnlyList<SessionRow> Sessions(string folder, List<string> notes)
    {
        string file = Path.Combine(folder, Environment);
        if (JsonLines.ReadObject(file, notes) is not { } all)
            return [];
        if (all["sessions"] is JsonArray list)
        {
            return [.. list.OfType<JsonObject>().Select(static one => new SessionRow(one.Text("started"), one.Whole("from_step"), CommandLineOf(one["command_line"]), one.Text("version"), one.Text("commit"),
                one.Text("machine"), one.Text("processor"), one.Text("os"), one.Text("dotnet"), one.Text("device"), one.Whole("threads")))];
        }
        notes.Add($"{file}: has no list 'sessions' and is left out");
        return [];
    }

    // As a shell reads it, so that it can be pasted.
    private static string? CommandLineOf(JsonNode? words)
    {
        if (words is not JsonArray list)
            return null;
        string line = string.Join(' ', list.Select(static word => word is JsonValue value && value.TryGetValue(out string? text) ? Quoted(text) : "?"));
        return line.Length <= LongestCommand ? line : $"{line[..LongestCommand]}...";
    }

    private static string Quoted(string word) =>
        word.Length > 0 && word.All(static c => char.IsLetterOrDigit(c) || "_@%+=:,./-".Contains(c)) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static TimeParts? TimeOf(string file, List<JsonObject> timing, List<string> notes)
    {
        double[] sums = [.. TimedParts.Select(key => timing.Sum(line => line.Number(key, 0, MostSeconds) ?? 0))];
        var (total, parts) = (sums[0], sums[1..].Sum());
        if (parts > total * MostOfTotal)
            notes.Add($"{file}: the parts take longer than the whole time, so shares are those of the sum of the parts");
        // The clock of a part and that of the whole are read one after the other.
        total = Math.Max(total, parts);
        return total > 0 ? new TimeParts(total, sums[1], sums[2], sums[3], sums[4], total - parts) : null;
    }
}
