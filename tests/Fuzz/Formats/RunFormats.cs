using System.Text.Json;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Reports;
using VideoSim.Models.Training;

namespace VideoSim.Fuzz.Formats;

/// <summary>The files in the folder of a run.</summary>
internal static class RunFormats
{
    // The reader stops at the same number. Each costs an exception.
    private const int MostDamaged = 100;

    /// <summary>A format for each.</summary>
    public static IEnumerable<Format> All() =>
    [
        new RunFileFormat("run-args", "args.json", "RunFolder.Open, RunArguments, RunChange", Arguments), new RunFileFormat("run-metrics", "metrics.jsonl", "RunMetrics", Metrics), new RunFileFormat("run-timing", "timing.jsonl", "none", Timing),
        new RunFileFormat("run-environment", "environment.json", "RunSessions", Environment), new RunFileFormat("run-inputs", "inputs.json", "RunInputs", Inputs), new RunFileFormat("run-validation", "validation.tsv", "none", Validation),
        new RunFileFormat("run-embeddings", "embeddings.json", "none", Embeddings), new TrainerStateFormat(),
    ];

    private static void Arguments(string folder, byte[] input, RunRecord record)
    {
        var json = JsonOracle.Strict(input);
        var read = RunFolder.Read(folder)!;
        string stage = json.GetProperty("command").GetString()!;
        Expect.Equal(stage, record.Stage, "stage");
        Expect.Equal(json.GetProperty(stage).GetProperty("steps").GetDouble(), record.Steps, "steps");
        Expect.That(JsonElement.DeepEquals(json, JsonSerializer.SerializeToElement(read)), "args.json has other values");
        using (var run = RunFolder.Open(folder, RunFiles.Arguments()))
            Expect.That(run.EarlierRecipes.All(static earlier => earlier.Step <= long.MaxValue), "a recipe has no step");
        Expect.That(RunArguments.IsOfRun(read), "arguments that are not those of a run were taken");
    }

    private static void Metrics(string folder, byte[] input, RunRecord record)
    {
        RunMetrics.HasSteps(folder);
        SameCurve(input, record, RunReader.Loss, "loss");
        SameCurve(input, record, RunReader.Validation, "val_spearman");
        if (RunMetrics.All(folder).Any(static line => line.ContainsKey("val_spearman")))
            Expect.That(!RunMetrics.Series(folder, "val_spearman").Any(double.IsInfinity), "an infinite score was taken"); // null is NaN
    }

    private static void Timing(string folder, byte[] input, RunRecord record)
    {
        SameCurve(input, record, RunReader.Throughput, "samples_per_second");
        Expect.That(record.Time is null || (double.IsFinite(record.Time.Total) && record.Time.Total > 0), "a time that is not finite was taken");
    }

    private static void Environment(string folder, byte[] input, RunRecord record)
    {
        if (record.Sessions.Count == 0)
            return;
        JsonFile.Read(Path.Combine(folder, RunSessions.Name), RunJson.Default.RunSessions);
        var json = JsonOracle.Strict(input);
        if (json.TryGetProperty("sessions", out var sessions) && sessions.ValueKind == JsonValueKind.Array)
            Expect.Equal(sessions.EnumerateArray().Count(static one => one.ValueKind == JsonValueKind.Object), record.Sessions.Count, "number of sessions");
    }

    private static void Inputs(string folder, byte[] input, RunRecord record)
    {
        if (record.Inputs.Count > 0)
            JsonOracle.Same(record.Inputs, InputsJson.Default.IReadOnlyListFileDigest, JsonOracle.Strict(input));
        new RunInputs(folder).Require([new FileDigest("/data/pairwise/label.tsv", 4321, new string('a', 64))]);
    }

    private static void Validation(string folder, byte[] input, RunRecord record)
    {
        foreach (var pair in record.Pairs)
            Expect.That(double.IsFinite(pair.Label) && pair.Cosine is >= -1.001 and <= 1.001, "a pair has a value that cannot be");
    }

    private static void Embeddings(string folder, byte[] input, RunRecord record)
    {
        if (record.Health is not { } health)
            return;
        var json = JsonOracle.Strict(input);
        Expect.Equal(json.GetProperty("videos").GetDouble(), health.Videos, "videos");
        Expect.Equal(json.GetProperty("width").GetDouble(), health.Width, "width");
        Expect.That(health.Videos > 0 && health.Width > 0, "a size that cannot be was taken");
    }

    // The values of a curve are those of the lines with a step and a value in range; none of them is lost or changed.
    private static void SameCurve(byte[] input, RunRecord record, string curve, string key)
    {
        var expected = new List<double>();
        int damaged = 0;
        foreach (var range in input.AsSpan().Split((byte)'\n'))
        {
            if (ValueOf(input[range], key, ref damaged) is { } value)
                expected.Add(value);
            else if (damaged > MostDamaged)
                break;
        }
        var read = record.Curves.GetValueOrDefault(curve)?.Values ?? [];
        Expect.That(read.All(expected.Contains), $"{key} has a value that no line has");
    }

    private static double? ValueOf(byte[] line, string key, ref int damaged)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            damaged++;
            return null; // not JSON, or a key with half of a surrogate pair
        }
    }
}
