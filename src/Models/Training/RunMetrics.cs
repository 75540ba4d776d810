using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Training;

/// <summary>
/// The metrics.jsonl of a run. Its lines have only values that are equal in every run of the same command. Times are
/// in timing.jsonl.
/// </summary>
internal sealed class RunMetrics(string run)
{
    /// <summary>Name of the file.</summary>
    public const string Name = "metrics.jsonl";

    private readonly string _file = Path.Combine(run, Name);

    /// <summary>Adds a line.</summary>
    public void Append(JsonObject line) => Change(FileMode.Append, stream =>
    {
        stream.Write(JsonSerializer.SerializeToUtf8Bytes(line, RunJson.Compact.JsonObject));
        stream.Write("\n"u8);
    });

    /// <summary>Removes lines that were written after the file had a length.</summary>
    public void Cut(long bytes) => Change(FileMode.OpenOrCreate, stream => stream.SetLength(Math.Min(stream.Length, bytes)));

    /// <summary>
    /// Flushes the file to the disk. A checkpoint is flushed, so the lines before it must be as well.
    /// </summary>
    /// <returns>Length of the file.</returns>
    public long Flush()
    {
        long bytes = 0;
        Change(FileMode.Append, stream =>
        {
            stream.Flush(flushToDisk: true);
            bytes = stream.Length;
        });
        return bytes;
    }

    /// <summary>Whether a line is of a step after the start.</summary>
    /// <exception cref="DataException">The file cannot be read; the message names it.</exception>
    public static bool HasSteps(string run) => File.Exists(Path.Combine(run, Name))
        && Lines(run, whole: false).Any(static line => line.TryGetProperty("step", out var step) && step.ValueKind == JsonValueKind.Number && step.GetDouble() > 0);

    /// <summary>All lines.</summary>
    /// <exception cref="DataException">The file cannot be read, or a line is torn; the message names it.</exception>
    public static IReadOnlyList<JsonObject> All(string run) => [.. Lines(run, whole: true).Select(static line => JsonObject.Create(line)!)];

    /// <summary>The values of one key, in the order of the lines that have it.</summary>
    /// <exception cref="DataException">
    /// The file cannot be read or no line has the key; the message names both.
    /// </exception>
    public static double[] Series(string run, string key)
    {
        var values = new List<double>();
        foreach (var line in Lines(run, whole: true))
        {
            if (line.TryGetProperty(key, out var value))
                values.Add(value.GetDouble());
        }
        return values.Count > 0 ? [.. values] : throw new DataException($"{Path.Combine(run, Name)}: no line has '{key}'");
    }

    // The last line may be torn if the process was killed. A run that continues removes it.
    private static IEnumerable<JsonElement> Lines(string run, bool whole)
    {
        string file = Path.Combine(run, Name);
        string[] lines;
        try
        {
            lines = File.ReadAllLines(file);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw new DataException($"{file}: {e.Message}", e);
        }
        foreach (string line in lines)
        {
            JsonElement element;
            try
            {
                using var json = JsonDocument.Parse(line);
                element = json.RootElement.Clone();
            }
            catch (JsonException e)
            {
                if (!whole)
                    continue;
                throw new DataException($"{file}: {e.Message}", e);
            }
            yield return element;
        }
    }

    private void Change(FileMode mode, Action<FileStream> change)
    {
        try
        {
            using var stream = new FileStream(_file, mode);
            change(stream);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(_file, e, _file);
        }
    }
}
