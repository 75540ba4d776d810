using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Progress;

/// <summary>
/// Writes the lines of metrics.jsonl as a table, <c>metrics.csv</c> in the run's folder (RFC 4180, UTF-8). Columns are
/// in the order in which the keys first appear, so the bytes of the file follow from metrics.jsonl alone.
/// </summary>
public sealed class CsvReporter : IMetricsReporter
{
    /// <summary>Name of the file in the run's folder.</summary>
    public const string FileName = "metrics.csv";

    private readonly List<string> _columns = [];
    private string _file = "";

    /// <inheritdoc/>
    public void Begin(ReportedRun run)
    {
        _file = Path.Combine(run.Folder, FileName);
        _columns.Clear();
        foreach (var line in run.Lines)
            AddColumns(line);
        Write(run.Lines.Select(Row));
    }

    /// <inheritdoc/>
    public void Report(JsonObject line)
    {
        int columns = _columns.Count;
        AddColumns(line);
        if (_columns.Count > columns)
        {
            // New columns are the last ones. Older rows get empty fields. No field has a line break.
            string empty = new(',', columns == 0 ? 0 : _columns.Count - columns);
            Write([.. Read().Skip(1).Select(row => row + empty), Row(line)]);
            return;
        }
        try
        {
            File.AppendAllText(_file, Row(line) + "\n");
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(_file, e, _file);
        }
    }

    /// <inheritdoc/>
    public void End()
    {
    }

    private static string Field(JsonNode? value)
    {
        string text = value switch
        {
            null => "",
            JsonValue single when single.GetValueKind() == JsonValueKind.String => single.GetValue<string>(),
            _ => value.ToJsonString(),
        };
        text = text.ReplaceLineEndings(" ");
        return text.AsSpan().ContainsAny(",\"") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
    }

    private void AddColumns(JsonObject line) => _columns.AddRange(line.Select(static pair => pair.Key).Except(_columns));

    private string Row(JsonObject line) => string.Join(',', _columns.Select(column => Field(line[column])));

    private string[] Read()
    {
        try
        {
            FileFailure.RefuseSpecial(_file);
            return File.ReadAllLines(_file);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Reading(_file, e);
        }
    }

    private void Write(IEnumerable<string> rows) => AtomicFile.Write(_file, stream =>
    {
        // Before the first line there are no columns, and the file is empty.
        foreach (string row in _columns.Count == 0 ? [] : rows.Prepend(string.Join(',', _columns.Select(static column => Field(column)))))
            stream.Write(Encoding.UTF8.GetBytes(row + "\n"));
    });
}
