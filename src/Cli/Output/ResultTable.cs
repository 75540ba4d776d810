using Spectre.Console;
using VideoSim.Engine.Serialization;

namespace VideoSim.Cli.Output;

/// <summary>
/// A table of results, aligned for people and written as Markdown, for reports. Lines are not broken, because a pipe
/// has no width. On a terminal that is too narrow, rows are blocks of lines. A bar in a cell gets a backslash, as in
/// Markdown.
/// </summary>
public sealed class ResultTable
{
    private const int CellFrame = 3; // a bar and two blanks

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

    /// <summary>Adds a row, one cell for each column. Text of files is made safe.</summary>
    public ResultTable Row(params string[] cells)
    {
        if (cells.Length != _columns.Count)
            throw new ArgumentException($"{cells.Length} cells for {_columns.Count} columns", nameof(cells));
        _rows.Add(Array.ConvertAll(cells, static cell => Printable.Line(cell).Replace("|", "\\|", StringComparison.Ordinal)));
        return this;
    }

    /// <summary>
    /// Writes the table. If it is wider than the terminal, each row is a block of lines <c>name: value</c> instead,
    /// with an empty line behind it; empty cells are left out.
    /// </summary>
    /// <param name="writer">Receives the table.</param>
    /// <param name="columns">Columns of the terminal; <see cref="int.MaxValue"/> for a pipe.</param>
    public void WriteTo(TextWriter writer, int columns = int.MaxValue)
    {
        string[] headers = [.. _columns.Select(column => column.Header)];
        int[] widths = [.. _columns.Select((_, index) => _rows.Append(headers).Max(row => row[index].GetCellWidth()))];
        if (widths.Sum(static width => (long)width + CellFrame) >= columns)
        {
            WriteRecords(writer, columns);
            return;
        }
        WriteRow(writer, headers, widths);
        var rules = _columns.Select((column, index) => new string('-', widths[index] - (column.IsNumber ? 1 : 0)) + (column.IsNumber ? ":" : ""));
        WriteRow(writer, [.. rules], widths);
        foreach (string[] row in _rows)
            WriteRow(writer, row, widths);
    }

    private void WriteRecords(TextWriter writer, int columns)
    {
        foreach (string[] row in _rows)
        {
            foreach (var (column, cell) in _columns.Zip(row).Where(static pair => pair.Second.Length > 0))
            {
                foreach (string line in TextLayout.Wrap(column.Header.Length == 0 ? cell : $"{column.Header}: {cell}", columns - 1))
                    writer.WriteLine(line);
            }
            if (_columns.Count > 1)
                writer.WriteLine();
        }
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
