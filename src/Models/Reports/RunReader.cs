using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Metrics;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reports;

/// <summary>Reads the folder of one training run. Nothing in it is changed, so the run may still be going.</summary>
internal static class RunReader
{
    public const string Metrics = "metrics.jsonl", Timing = RunTiming.Name, Environment = RunSessions.Name;

    /// <summary>Keys of metrics.jsonl and timing.jsonl that have a curve.</summary>
    public const string Loss = "loss", Rate = "learning_rate", EncoderRate = "encoder_learning_rate", GradientNorm = "grad_norm",
        Validation = "val_spearman", Throughput = "samples_per_second";

    /// <summary>Reads a run.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="notes">Receives what could not be read.</param>
    /// <exception cref="DataException">args.json cannot be read or is not that of a training run.</exception>
    public static RunRecord Read(string folder, List<string> notes)
    {
        var arguments = ReadArguments(folder);
        string stage = arguments.Text("command") ?? "";
        if (stage is not ("pretrain" or "finetune") || arguments[stage] is not JsonObject recipe || arguments["model"] is not JsonObject model || model.Text("model") is not { } name)
            throw new DataException($"{Path.Combine(folder, RunFolder.Arguments)}: is not that of a training run");
        var lines = JsonLines.Read(Path.Combine(folder, Metrics), notes);
        var timing = JsonLines.Read(Path.Combine(folder, Timing), notes);
        var sessions = Sessions(folder, notes);
        var curves = new Dictionary<string, Series>();
        foreach (string key in new[] { Loss, Rate, EncoderRate, GradientNorm, Validation })
            Add(curves, key, lines);
        // A line without a step since the line before has no throughput.
        Add(curves, Throughput, [.. timing.Where(static line => line.Number(Throughput) > 0)]);
        NoteNonFinite(folder, lines, notes);
        return new RunRecord
        {
            Folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)),
            Arguments = arguments,
            Stage = stage,
            Model = name,
            Fold = stage == "finetune" ? (int?)arguments.Number("fold") : null,
            Steps = (long)(recipe.Number("steps") ?? 0),
            Done = lines.Count > 0 ? (long)lines.Max(static line => line.Number("step") ?? 0) : 0,
            IsComplete = Directory.Exists(Path.Combine(folder, ModelFolder.LastOfRun)),
            Curves = curves,
            Events = [.. Events(lines, sessions)],
            Sessions = sessions,
            Time = TimeOf(timing),
            MemoryBytes = timing.Max(static line => line.Number("memory_bytes")),
            Pairs = Pairs(Path.Combine(folder, PairValidation.PairsFile), notes),
            Health = Typed(Path.Combine(folder, PairValidation.EmbeddingsFile), EmbeddingHealthJson.Default.EmbeddingHealth, notes),
            Inputs = Typed(Path.Combine(folder, "inputs.json"), InputsJson.Default.IReadOnlyListFileDigest, notes) ?? [],
        };
    }

    /// <summary>The args.json of a folder.</summary>
    /// <exception cref="DataException">There is none, or it cannot be read.</exception>
    public static JsonObject ReadArguments(string folder)
    {
        string file = Path.Combine(folder, RunFolder.Arguments);
        return JsonFile.ParseObject(file, FileFailure.ReadAllBytes(file));
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

    private static void Add(Dictionary<string, Series> curves, string key, IReadOnlyList<JsonObject> lines)
    {
        var points = lines.Select(line => (Step: line.Number("step"), Value: line.Number(key))).Where(static point => point.Step is >= 0 && point.Value is not null).ToList();
        if (points.Count > 0)
            curves[key] = new Series([.. points.Select(static point => (long)point.Step!.Value)], [.. points.Select(static point => point.Value!.Value)]);
    }

    private static void NoteNonFinite(string folder, IReadOnlyList<JsonObject> lines, List<string> notes)
    {
        string file = Path.Combine(folder, Metrics);
        if (lines.Count > 0 && lines.All(static line => line.Number("step") is null))
            notes.Add($"{file}: no line has a step, so there are no curves");
        if (lines.FirstOrDefault(static line => line.ContainsKey(Loss) && line.Number(Loss) is null) is { } bad)
            notes.Add($"{file}: the loss of step {bad["step"]?.ToJsonString() ?? "?"} is not a finite number and is left out");
    }

    private static IEnumerable<RunEvent> Events(IReadOnlyList<JsonObject> lines, IReadOnlyList<SessionRow> sessions)
    {
        foreach (var session in sessions.Where(static session => session.FromStep > 0))
            yield return new RunEvent("resume", session.FromStep!.Value, $"resumed from step {session.FromStep}");
        foreach (var line in lines)
        {
            if (line.Number("step") is not { } step)
                continue;
            if (line.Number("rollback") is not null)
                yield return new RunEvent("rollback", (long)step, $"rolled back to step {line.Number("to")}: {line.Text("reason")}");
            if (line.Number("early_stopping") is { } patience)
                yield return new RunEvent("early stopping", (long)step, $"stopped early: {patience} validations without a better score");
        }
    }

    private static IReadOnlyList<SessionRow> Sessions(string folder, List<string> notes)
    {
        string file = Path.Combine(folder, Environment);
        if (JsonLines.ReadObject(file, notes) is not { } all)
            return [];
        if (all["sessions"] is JsonArray list)
        {
            return [.. list.OfType<JsonObject>().Select(static one => new SessionRow(one.Text("started"), (long?)one.Number("from_step"), CommandLineOf(one["command_line"]), one.Text("version"), one.Text("commit"),
                one.Text("machine"), one.Text("processor"), one.Text("os"), one.Text("dotnet"), one.Text("device"), (long?)one.Number("threads")))];
        }
        notes.Add($"{file}: has no list 'sessions' and is left out");
        return [];
    }

    private static string? CommandLineOf(JsonNode? words) => words is JsonArray list
        ? string.Join(' ', list.Select(static word => word is JsonValue value && value.TryGetValue(out string? text) ? (text.Length > 0 && !text.Any(char.IsWhiteSpace) ? text : $"'{text}'") : "?"))
        : null;

    private static TimeParts? TimeOf(IReadOnlyList<JsonObject> timing)
    {
        double total = Sum("seconds"), input = Sum("input"), train = Sum("train"), validation = Sum("validation"), saving = Sum("saving");
        return total > 0 ? new TimeParts(total, input, train, validation, saving, Math.Max(0, total - input - train - validation - saving)) : null;

        double Sum(string key) => timing.Sum(line => Math.Max(0, line.Number(key) ?? 0));
    }

    // A damaged file gives no pairs, because a part of them has another score.
    private static List<ScoredPair> Pairs(string file, List<string> notes)
    {
        if (JsonLines.ReadFile(file, notes) is not { } bytes)
            return [];
        var pairs = new List<ScoredPair>();
        string[] lines = Encoding.UTF8.GetString(bytes).Split('\n');
        for (int i = 0; i < lines.Length - 1; i++)
        {
            string[] fields = lines[i].Split('\t');
            if (fields.Length != 4 || !Parse(fields[2], out double label) || !Parse(fields[3], out double cosine))
            {
                notes.Add($"{file}: line {i + 1} is not two ids, a label and a cosine; the file is left out");
                return [];
            }
            pairs.Add(new ScoredPair(fields[0], fields[1], label, cosine));
        }
        return pairs;

        static bool Parse(string text, out double value) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
    }
}
