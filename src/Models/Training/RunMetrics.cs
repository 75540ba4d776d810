using System.Text;
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
    /// <exception cref="DataException">The file is shorter, so it has lost lines; the message names it.</exception>
    public void Cut(long bytes)
    {
        long length = File.Exists(_file) ? new FileInfo(_file).Length : 0;
        if (length < bytes || bytes < 0)
            throw new DataException($"{_file}: has {length} bytes, but had {bytes} when the newest checkpoint was written; restore the file, or begin again with --overwrite-output-dir");
        Change(FileMode.OpenOrCreate, stream => stream.SetLength(bytes));
    }

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
        && Lines(run, whole: false).Any(static line => line["step"] is JsonValue step && step.TryGetValue(out double number) && number > 0);

    /// <summary>All lines.</summary>
    /// <exception cref="DataException">The file cannot be read, or a line is torn; the message names it.</exception>
    public static IReadOnlyList<JsonObject> All(string run) => [.. Lines(run, whole: true)];

    /// <summary>
    /// The values of one key, in the order of the lines that have it. NaN stands for null: an undefined score.
    /// </summary>
    /// <exception cref="DataException">
    /// The file cannot be read, no line has the key, or a value is not a number; the message names both.
    /// </exception>
    public static double[] Series(string run, string key)
    {
        var values = new List<double>();
        foreach (var line in Lines(run, whole: true))
        {
            if (line[key] is JsonValue value && value.TryGetValue(out double number))
                values.Add(number);
            else if (line.TryGetPropertyValue(key, out var other) && other is null)
                values.Add(double.NaN);
            else if (line.ContainsKey(key))
                throw new DataException($"{Path.Combine(run, Name)}: '{key}' of a line is not a number");
        }
        return values.Count > 0 ? [.. values] : throw new DataException($"{Path.Combine(run, Name)}: no line has '{key}'");
    }

    // The last line may be torn if the process was killed. A run that continues removes it.
    private static IEnumerable<JsonObject> Lines(string run, bool whole)
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
        for (int i = 0; i < lines.Length; i++)
        {
            JsonObject line;
            try
            {
                line = JsonFile.ParseObject($"{file}: line {i + 1}", Encoding.UTF8.GetBytes(lines[i]));
            }
            catch (DataException) when (!whole)
            {
                continue;
            }
            yield return line;
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
