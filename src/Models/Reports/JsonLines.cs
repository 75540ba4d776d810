using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Reports;

/// <summary>
/// Reads the JSON files of a run that may be damaged, unfinished or missing. What cannot be read is left out, and a
/// note names it.
/// </summary>
internal static class JsonLines
{
    private const double MostWhole = 1L << 53;

    // Each costs an exception. A file with more is not one of metrics.
    private const int MostBadLines = 100;

    /// <summary>The objects of a file with one on each line; none if there is no file.</summary>
    public static IReadOnlyList<JsonObject> Read(string file, List<string> notes)
    {
        var lines = new List<JsonObject>();
        if (ReadFile(file, notes) is not { } bytes)
            return lines;
        int number = 0, bad = 0, firstBad = 0;
        for (int from = 0; from < bytes.Length && bad < MostBadLines;)
        {
            int length = bytes.AsSpan(from).IndexOf((byte)'\n');
            bool isCut = length < 0;
            var line = bytes.AsSpan(from, isCut ? bytes.Length - from : length);
            from += line.Length + 1;
            number++;
            if (Parse(line) is { } values)
                lines.Add(values);
            else if (isCut)
                notes.Add($"{file}: the last line is not complete and is left out");
            else if (bad++ == 0)
                firstBad = number;
        }
        if (bad > 0)
            notes.Add($"{file}: line {firstBad} is not a JSON object and is left out{(bad == MostBadLines ? ", and so is the rest of the file, which has more such lines" : bad > 1 ? $", and so are {bad - 1} more" : "")}");
        return lines;
    }

    /// <summary>The object of a file; null if there is none.</summary>
    public static JsonObject? ReadObject(string file, List<string> notes)
    {
        if (ReadFile(file, notes) is not { } bytes)
            return null;
        var found = Parse(bytes);
        if (found is null)
            notes.Add($"{file}: is not a JSON object and is left out");
        return found;
    }

    /// <summary>The content of a file; null if there is no such file or it cannot be read.</summary>
    public static byte[]? ReadFile(string file, List<string> notes)
    {
        if (!File.Exists(file))
        {
            if (Directory.Exists(file))
                notes.Add($"{file}: is a folder, not a file, and is left out");
            return null;
        }
        try
        {
            return FileFailure.ReadAllBytes(file);
        }
        catch (DataException e)
        {
            notes.Add(e.Message);
            return null;
        }
    }

    /// <summary>
    /// The number of a key, if it has one in a range. The range of a float is the widest, so that sums and products of
    /// two numbers are finite.
    /// </summary>
    public static double? Number(this JsonObject values, string key, double low = -float.MaxValue, double high = float.MaxValue) =>
        values[key] is JsonValue value && value.TryGetValue(out double number) && number >= low && number <= high ? number : null;

    /// <summary>The whole number of a key, if it has one from 0 that a double holds exactly.</summary>
    public static long? Whole(this JsonObject values, string key) =>
        values.Number(key, 0, MostWhole) is { } number && number == Math.Floor(number) ? (long)number : null;

    /// <summary>The text of a key, if it has one.</summary>
    public static string? Text(this JsonObject values, string key) => values[key] is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private static JsonObject? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonFile.ParseObject("", json);
        }
        catch (DataException)
        {
            return null;
        }
    }
}
