using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Training;

/// <summary>Reads the metrics.jsonl of a run.</summary>
internal static class RunMetrics
{
    /// <summary>All lines, none of them torn.</summary>
    /// <exception cref="DataException">The file cannot be read; the message names it.</exception>
    public static IReadOnlyList<JsonObject> Lines(string run)
    {
        string file = Path.Combine(run, "metrics.jsonl");
        return [.. Encoding.UTF8.GetString(FileFailure.ReadAllBytes(file)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonFile.ParseObject(file, Encoding.UTF8.GetBytes(line)))];
    }

    /// <summary>The values of one key, in the order of the lines that have it.</summary>
    /// <exception cref="DataException">
    /// The file cannot be read or no line has the key; the message names both.
    /// </exception>
    public static double[] Series(string run, string key)
    {
        string file = Path.Combine(run, "metrics.jsonl");
        var values = new List<double>();
        try
        {
            foreach (string line in File.ReadLines(file))
            {
                using var json = JsonDocument.Parse(line);
                if (json.RootElement.TryGetProperty(key, out var value))
                    values.Add(value.GetDouble());
            }
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            throw new DataException($"{file}: {e.Message}", e);
        }
        return values.Count > 0 ? [.. values] : throw new DataException($"{file}: no line has '{key}'");
    }
}
