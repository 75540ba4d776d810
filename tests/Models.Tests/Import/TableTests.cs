using System.Diagnostics;
using System.Text;
using System.Text.Json;
using CsCheck;
using VideoSim.Engine;
using VideoSim.Models.Import;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Import;

/// <summary>Tables of text give back what was written into them, also over the borders of buffers.</summary>
public sealed class TableTests : IDisposable
{
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String["ab,\t\"\"'\r\n 视ü|"],
        Gen.Select(Gen.Int[30_000, 140_000], Gen.Char["x\"\n"], static (length, filler) => "y" + new string(filler, length)));

    private readonly ScratchFolder _folder = new();

    [Theory]
    [InlineData(".csv", ",")]
    [InlineData(".tsv", "\t")]
    public void Read_DelimitedFields_AreThoseThatWereWritten(string extension, string separator) => Gen.Select(Text.Array[1, 6], Gen.Bool, Gen.Bool).Sample((titles, quotesAll, endsWithLine) =>
    {
        string lineEnd = quotesAll ? "\r\n" : "\n";
        string table = string.Join(lineEnd, titles.Select((title, i) => $"{i}{separator}{Quoted(title, quotesAll, separator)}").Prepend($"id{separator}title")) + (endsWithLine ? lineEnd : "");
        Assert.Equal(titles, Read(table, extension).Select(static row => row.Problem ?? row.Title));
    }, iter: 60);

    [Fact]
    public void Read_JsonLines_AreThoseThatWereWritten() => Gen.Select(Text.Array[1, 6], Gen.Bool).Sample((titles, endsWithLine) =>
    {
        string table = string.Join('\n', titles.Select(static (title, i) => $"{{\"id\": {i}, \"title\": {JsonSerializer.Serialize(title)}}}")) + (endsWithLine ? "\n" : "");
        Assert.Equal(titles, Read(table, ".jsonl").Select(static row => row.Problem ?? row.Title));
    }, iter: 60);

    // Every byte of a table may be wrong: rows are bad or good, and reading comes to an end.
    [Theory]
    [InlineData(".csv")]
    [InlineData(".tsv")]
    [InlineData(".jsonl")]
    public void Read_AnyBytes_GivesRowsOrOneError(string extension) => Gen.OneOf(
        Gen.String["id,title\t\"\r\n{}[]:\\u0d8a"].Select(Encoding.UTF8.GetBytes), Gen.Byte.Array[0, 200]).Sample(bytes =>
    {
        byte[] names = extension switch { ".csv" => "id,title\n"u8.ToArray(), ".tsv" => "id\ttitle\n"u8.ToArray(), _ => [] };
        string path = _folder.Write($"{Guid.NewGuid()}{extension}", [.. names, .. bytes]);
        try
        {
            long line = 0;
            foreach (var row in VideoTables.Open(path, null).Read())
            {
                Assert.True(row.Line > line);
                line = row.Line;
            }
        }
        catch (DataException failure)
        {
            Assert.StartsWith($"{path}: ", failure.Message, StringComparison.Ordinal);
        }
        File.Delete(path);
    }, iter: 200);

    // A quote that is not closed costs one row, also in a large file.
    [Fact]
    public void Read_QuoteThatIsNotClosed_CostsOneRow()
    {
        string rows = string.Concat(Enumerable.Range(0, 60_000).Select(static i => $"{i},{(i == 5 ? "\"" : "")}a title of some length\n"));
        var problems = Read("id,title\n" + rows, ".csv").Where(static row => row.Problem is not null).ToArray();
        Assert.Equal((7, "the row is longer than 1048576 bytes, or a quote is not closed"), (problems.Single().Line, problems[0].Problem));
    }

    // Each line begins a row that has no end. Reading each of them to the longest row takes 100,000 times a megabyte.
    [Fact]
    public void Read_QuotesThatGoOverEveryLine_TakesLinearTime()
    {
        var clock = Stopwatch.StartNew();
        var rows = Read("id\ttitle\ttags\n" + string.Concat(Enumerable.Repeat("d\"\t\t\"\n", 100_000)), ".tsv");
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 20); // on a busy machine, too
        Assert.Equal((2, "the row has at least 5 fields; there are 3 columns"), (rows[0].Line, rows[0].Problem));
        Assert.Equal(100_000, rows.Length);
    }

    public void Dispose() => _folder.Dispose();

    private static string Quoted(string text, bool always, string separator) =>
        always || text.AsSpan().ContainsAny($"{separator}\"\n\r") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;

    private TableRow[] Read(string table, string extension)
    {
        string path = _folder.Write($"{Guid.NewGuid()}{extension}", table);
        TableRow[] rows = [.. VideoTables.Open(path, null).Read()];
        File.Delete(path);
        return rows;
    }
}
