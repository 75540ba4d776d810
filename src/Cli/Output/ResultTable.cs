using Spectre.Console;

namespace VideoSim.Cli.Output;

/// <summary>
/// A table of results, aligned for people and written as Markdown, for reports. Lines are never wrapped: a pipe has no
/// width. A bar in a cell gets a backslash, as in Markdown.
/// </summary>
public sealed class ResultTable
{
    private readonly List<(string Header, bool IsNumber)> _columns = [];
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a column of texts, aligned to the left.</summary>
    public ResultTable TextColumn(string header)
    {
        _columns.Add((header, false));
        return this;
    }

    /// <summary>Adds a column of numbers, aligned to the right.</summary>
    public ResultTable NumberColumn(string header)
    {
        _columns.Add((header, true));
        return this;
    }

    /// <summary>Adds a row, one cell for each column.</summary>
    public ResultTable Row(params string[] cells)
    {
        if (cells.Length != _columns.Count)
            throw new ArgumentException($"{cells.Length} cells for {_columns.Count} columns", nameof(cells));
        _rows.Add(Array.ConvertAll(cells, static cell => cell.Replace("|", "\\|", StringComparison.Ordinal)));
        return this;
    }

    /// <summary>Writes the table.</summary>
    public void WriteTo(TextWriter writer)
    {
        string[] headers = [.. _columns.Select(column => column.Header)];
        int[] widths = [.. _columns.Select((_, index) => _rows.Append(headers).Max(row => row[index].GetCellWidth()))];
        WriteRow(writer, headers, widths);
        var rules = _columns.Select((column, index) => new string('-', widths[index] - (column.IsNumber ? 1 : 0)) + (column.IsNumber ? ":" : ""));
        WriteRow(writer, [.. rules], widths);
        foreach (string[] row in _rows)
            WriteRow(writer, row, widths);
    }

    private void WriteRow(TextWriter writer, string[] cells, int[] widths)
    {
        for (int i = 0; i < cells.Length; i++)
        {
            // Chinese characters take two columns of a terminal.
            string padding = new string(' ', widths[i] - cells[i].GetCellWidth());
            writer.Write(_columns[i].IsNumber ? $"| {padding}{cells[i]} " : $"| {cells[i]}{padding} ");
        }
        writer.WriteLine("|");
    }
}
