using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Interop;
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

    /// <summary>The key of a line that gives the value that was not finite and stopped the run.</summary>
    public const string Stopped = "stopped";

    /// <summary>Keys of the scores of tags. They may be undefined, as <see cref="TrainerNotes.Score"/>.</summary>
    public const string TagPrecision = "tag_precision", TagRecall = "tag_recall", TagF1 = "tag_f1";

    // Keys of a line. All other values are numbers.
    private const string Step = "step", Reason = "reason";

    private const string Help = "restore the file, or begin again with --overwrite-output-dir";

    // A process that was killed leaves one. Each costs an exception.
    private const int MostDamagedLines = 100;

    // Some million lines.
    private static readonly FileLimit Limit = new("a file of metrics", 1000);

    private readonly string _file = Path.Combine(run, Name);
    private long? _length; // after the last change by this process

    /// <summary>Adds a line.</summary>
    public void Append(JsonObject line) => Change(FileMode.Append, stream =>
    {
        stream.Write(JsonSerializer.SerializeToUtf8Bytes(line, RunJson.Compact.JsonObject));
        stream.Write("\n"u8);
    });

    /// <summary>
    /// Checks the lines that were there when a checkpoint was written. They stay when the run continues.
    /// </summary>
    /// <param name="state">The state in the checkpoint.</param>
    /// <exception cref="DataException">A line is lost or has changed; the message names the file.</exception>
    public void Require(TrainerState state)
    {
        long bytes = state.MetricsBytes, length = File.Exists(_file) ? new FileInfo(_file).Length : 0;
        if (length < bytes)
            throw new DataException($"{_file}: has {length} bytes, but had {bytes} when the newest checkpoint was written; {Help}");
        if (bytes == 0)
            return;
        byte[] content = FileFailure.ReadAllBytes(_file, Limit)[..(int)bytes];
        if (state.MetricsSha256 is { } hash && hash != Hash(content))
            throw new DataException($"{_file}: its first {bytes} bytes have changed since the newest checkpoint was written; {Help}");
        if (content[^1] != '\n')
            throw new DataException($"{_file}: no line ends at byte {bytes}, where the newest checkpoint was written; {Help}");
        foreach (var (number, line) in Lines(_file, content, whole: true))
            RequireValues($"{_file}: line {number}", line);
    }

    /// <summary>Removes lines that were written after the file had a length, see <see cref="Require"/>.</summary>
    public void Cut(long bytes) => Change(FileMode.OpenOrCreate, stream =>
    {
        if (stream.Length != bytes)
            stream.SetLength(bytes);
    });

    /// <summary>
    /// Flushes the file to the disk and notes its length and hash in a state. A checkpoint is flushed, so the lines
    /// before it must be as well.
    /// </summary>
    public void Flush(TrainerState state)
    {
        Change(FileMode.Append, DiskFlush.Flush);
        byte[] content = FileFailure.ReadAllBytes(_file, Limit);
        (state.MetricsBytes, state.MetricsSha256) = (content.Length, Hash(content));
    }

    /// <summary>Whether a line is of a step after the start and not of the stop there.</summary>
    /// <exception cref="DataException">
    /// The file cannot be read, or has many damaged lines; the message names it.
    /// </exception>
    public static bool HasSteps(string run) => File.Exists(Path.Combine(run, Name))
        && Lines(run, whole: false).Any(static line => !line.ContainsKey(Stopped) && line[Step] is JsonValue step && step.TryGetValue(out double number) && number > 0);

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
        return Lines(file, FileFailure.ReadAllBytes(file, Limit), whole).Select(static line => line.Values);
    }

    private static IEnumerable<(int Number, JsonObject Values)> Lines(string file, byte[] content, bool whole)
    {
        int number = 0, damaged = 0;
        for (int start = 0, end; start < content.Length; start = end + 1)
        {
            end = Array.IndexOf(content, (byte)'\n', start) is >= 0 and var found ? found : content.Length;
            number++;
            if (Parse(file, content.AsSpan(start, end - start), number, whole) is { } values)
                yield return (number, values);
            else if (++damaged == MostDamagedLines)
                throw new DataException($"{file}: has {damaged} lines that are not JSON objects: damaged?");
        }
    }

    private static JsonObject? Parse(string file, ReadOnlySpan<byte> content, int line, bool whole)
    {
        try
        {
            return JsonFile.ParseObject(file, content, line);
        }
        catch (DataException) when (!whole)
        {
            return null;
        }
    }

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static void RequireValues(string where, JsonObject line)
    {
        if (line[Step] is not JsonValue step || !step.TryGetValue(out long number) || number < 0)
            throw new DataException($"{where}: '{Step}' is not a whole number from 0");
        foreach (var (key, value) in line)
        {
            bool isText = key is Reason or Stopped;
            bool isUndefined = value is null && key is (TrainerNotes.Score or TagPrecision or TagRecall or TagF1);
            if (!isUndefined && value?.GetValueKind() != (isText ? JsonValueKind.String : JsonValueKind.Number))
                throw new DataException($"{where}: {Printable.Quote(key)} is not a {(isText ? "text" : "number")}");
        }
    }

    private void Change(FileMode mode, Action<FileStream> change)
    {
        WriteGuard.Require();
        try
        {
            FileFailure.RequireFile(_file);
            using var stream = new FileStream(_file, mode);
            WriteGuard.Require(); // a file server may have let this process wait, and another one has the run
            if (_length is { } length && stream.Length != length)
                throw new DataException($"{_file}: has {stream.Length} bytes, but had {length} after the last line: it was changed while the run goes on; {Help}");
            change(stream);
            _length = stream.Length;
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(_file, e, _file);
        }
    }
}
