using System.Text;
using Parquet;
using Parquet.Schema;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// Every kind of bad row, in tables of all four formats. All are listed with line and reason, and nothing is written.
/// With --skip-bad-rows the good rows are written.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed class ImportBadRowsTests : IDisposable
{
    private const int Width = 4;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("videosim-test-");

    public ImportBadRowsTests()
    {
        Write("frames/good.npy", NumpyFile.Of(2, Width));
        Write("frames/half.npy", NumpyFile.Of(1, Width, "<f2"));
        Write("frames/nan.npy", NumpyFile.Of("<f4", "False", "(2, 4)", [0, 0, 0, 0, 0, float.NaN, 0, 0]));
        Write("frames/infinity.npy", NumpyFile.Of("<f2", "False", "(1, 4)", [0, 0, 0, float.NegativeInfinity]));
        Write("frames/large.npy", NumpyFile.Of("<f4", "False", "(1, 4)", [0, 70000, 0, 0]));
        Write("frames/fortran.npy", NumpyFile.Of("<f4", "True", "(1, 4)", new float[4]));
        Write("frames/big.npy", NumpyFile.Of(">f4", "False", "(1, 4)", new float[4]));
        Write("frames/double.npy", NumpyFile.Of("<f8", "False", "(1, 2)", new float[4]));
        Write("frames/objects.npy", NumpyFile.Of("|O", "False", "(1, 4)", new float[4]));
        Write("frames/vector.npy", NumpyFile.Of("<f4", "False", "(4,)", new float[4]));
        Write("frames/empty.npy", NumpyFile.Of("<f4", "False", "(0, 4)", []));
        Write("frames/narrow.npy", NumpyFile.Of("<f4", "False", "(4, 0)", []));
        Write("frames/wide.npy", NumpyFile.Of(1, Width + 1));
        Write("frames/short.npy", NumpyFile.Of(2, Width)[..^1]);
        Write("frames/header.npy", NumpyFile.Of(2, Width)[..64]);
        Write("frames/nothing.npy", []);
        Write("frames/text.npy", "0,0,0,0"u8.ToArray());
        Directory.CreateDirectory(Path("frames/folder.npy"));
        if (!OperatingSystem.IsWindows())
            File.CreateSymbolicLink(Path("frames/device.npy"), "/dev/zero");
    }

    // Each row with its reason, or null for a good row.
    [Fact]
    public void JsonLines_AllKindsOfBadRows_AreListed() => Check("v.jsonl",
    [
        (Row("a"), null),
        ("{\"id\": \"b\"", "(id b): not JSON: …"),
        ("[1, 2]", "the line is not a JSON object"),
        ("", "the line is empty"),
        ("{\"id\": \"b\",}", "(id b): not JSON: The JSON object contains a trailing comma at the end which is not allowed (at byte 12)"),
        ("\n\n ", "the lines from here to line 8 are empty"),
        ("{\"id\": \"b\", \"id\": \"c\", \"title\": \"\"}", "(id c): the key 'id' occurs twice"),
        ("{\"title\": \"\"}", "there is no 'id'"),
        ("{\"id\": \"b\"}", "(id b): there is no 'title'"),
        ("{\"id\": 1.5, \"title\": \"\"}", "'id' is the number 1.5; expected text or a whole number"),
        ("{\"id\": true, \"title\": \"\"}", "'id' is true or false; expected text or a whole number"),
        ("{\"id\": \"b\", \"title\": [\"x\"]}", "(id b): 'title' is an array; expected text"),
        (Row("c", ", \"tags\": \"x\""), "(id c): 'tags' is a text; expected an array of texts or whole numbers"),
        (Row("d", ", \"tags\": [{}]"), "(id d): a tag is an object; expected text or a whole number"),
        (Row("e", ", \"tags\": [\"x\", \"\"]"), "(id e): tag 2 is empty"),
        (Row("f", ", \"tags\": [\"x\", 7, \"x\"]"), "(id f): tag 'x' occurs twice"),
        (Row("g", ", \"tags\": [\"x\\ny\"]"), "(id g): tag 'x\\u000ay' has a tab, a line break or a NUL"),
        (Row("h", $", \"tags\": [\"{new string('x', 256)}\"]"), $"(id h): tag '{new string('x', 120)}...' has 256 bytes; at most 255 are allowed"),
        (Row("i", ", \"split\": \"train\""), "(id i): the split 'train' is not known; it must be pretrain, pairs, test_a, test_b"),
        (Row(""), "the id is empty"),
        (Row(new string('x', 256)), $"(id {new string('x', 120)}...): the id has 256 bytes; at most 255 are allowed"),
        (Row("j\\tk"), "(id j\\u0009k): the id has a tab, a line break or a NUL"),
        (Row("a"), "(id a): the id is already on line 1"),
        (Row("k") + " {}", "(id k): not JSON: '{' is invalid after a single JSON value…"),
        ("{\"id\": \"\\ud800\", \"title\": \"\"}", "a text has half of a surrogate pair"),
        ("{\"id\": \"l\", \"title\": \"x\\u0000\"}", "(id l): the title has a NUL"),
        ("{\"id\": \"m\u0000\", \"title\": \"\"}", "not JSON: '0x00' is invalid within a JSON string…"),
        (Row("n", file: "../v.jsonl"), $"(id n): its frames '../v.jsonl' are outside of {Path("frames")}/; --frames names another folder"),
        (Row("o", file: "/etc/passwd"), $"(id o): its frames '/etc/passwd' are outside of {Path("frames")}/; --frames names another folder"),
        ("{\"id\": \"missing\", \"title\": null, \"frames\": null}", "(id missing): missing.npy: there is no such file"),
        ($"{{\"id\": \"{new string('l', 255)}\", \"title\": \"\"}}", $"(id {new string('l', 120)}...): {new string('l', 120)}...: cannot be read: the path, or a name in it, is too long"),
        ("{\"id\": \"\\u001b[1m\", \"title\": \"\"}", "(id \\u001b[1m): \\u001b[1m.npy: there is no such file"),
        (Row("p", file: "folder.npy"), "(id p): folder.npy: is a folder"),
        (Row("q", file: "device.npy"), "(id q): device.npy: is a device or a pipe"),
        (Row("nan", file: "nan.npy"), "(id nan): nan.npy: frame 1 has NaN at value 1"),
        (Row("infinity", file: "infinity.npy"), "(id infinity): infinity.npy: frame 0 has infinity at value 3"),
        (Row("large", file: "large.npy"), "(id large): large.npy: frame 0 has 70000, outside of float16's range, at value 1"),
        (Row("r", file: "fortran.npy"), "(id r): fortran.npy: is in Fortran order; expected C order, as numpy.ascontiguousarray gives it"),
        (Row("s", file: "big.npy"), "(id s): big.npy: has values of type '>f4'; expected '<f2' or '<f4': float16 or float32, little-endian"),
        (Row("t", file: "double.npy"), "(id t): double.npy: has values of type '<f8'; expected '<f2' or '<f4': float16 or float32, little-endian"),
        (Row("u", file: "objects.npy"), "(id u): objects.npy: contains Python objects, which are not read; expected '<f2' or '<f4'"),
        (Row("v", file: "vector.npy"), "(id v): vector.npy: has 1 dimensions; expected 2: frames, values of a frame"),
        (Row("w", file: "empty.npy"), "(id w): empty.npy: has no frames"),
        (Row("x", file: "narrow.npy"), "(id x): narrow.npy: has frames without values"),
        (Row("wide", file: "wide.npy"), "(id wide): its frames have 5 values; those of 6 other videos have 4"),
        (Row("y", file: "short.npy"), "(id y): short.npy: 2 frames of 4 values need 160 bytes, the file has 159"),
        (Row("z", file: "header.npy"), "(id z): header.npy: the file ends inside its header"),
        (Row("A", file: "nothing.npy"), "(id A): nothing.npy: the file is empty"),
        (Row("B", file: "text.npy"), "(id B): text.npy: is not a .npy file"),
        ("{\"id\": 12, \"title\": \"\", \"frames\": \"half.npy\", \"more\": {}}", null),
        ("{\"id\": \"C\xff\", \"title\": \"\"}", "the line is not valid UTF-8"),
        (Row("D", $", \"more\": \"{new string('x', 1 << 20)}\""), "the line is longer than 1048576 bytes"),
        (Row("视频 ü"), null),
    ], good: 3);

    [Fact]
    public void Csv_AllKindsOfBadRows_AreListed() => Check("v.csv",
    [
        ("\uFEFFid,title,tags,frames,split", null),
        ("a,\"a title, \"\"quoted\"\",\r\nof two lines\",x|y | 12,good.npy,pretrain\r", null),
        ("b,t,x,good.npy", "the row has 4 fields; there are 5 columns"),
        ("b,t,x,good.npy,pretrain,", "the row has 6 fields; there are 5 columns"),
        ("", "the line is empty"),
        ("c,\"t\"x,,good.npy,", "there is text after a closing quote"),
        ("d,\"t\nd2,t,,good.npy,", "there is text after a closing quote"),
        ("e,\"t\",,good.npy,", null),
        ("f,t\xff,,good.npy,", "the row is not valid UTF-8"),
        ("g,t\0,,good.npy,", "(id g): the title has a NUL"),
        ("h,t,\"['x', 'y']\",good.npy,", "(id h): the tags are written as a list; separate them by |"),
        ("o,t,\"[1, 2]\",good.npy,", "(id o): the tags are written as a list; separate them by |"),
        ("p,t,[],good.npy,", "(id p): the tags are written as a list; separate them by |"),
        ("q,t,[draft],good.npy,", null),
        ("i,t,x||y,good.npy,", "(id i): tag 2 is empty"),
        ("a,t,x,good.npy,pairs", "(id a): the id is already on line 2"),
        ("j,t,x,good.npy,test", "(id j): the split 'test' is not known; it must be pretrain, pairs, test_a, test_b"),
        ("\"k\tk\",t,x,good.npy,", "(id k\\u0009k): the id has a tab, a line break or a NUL"),
        ("l,t,x,missing.npy,", "(id l): missing.npy: there is no such file"),
        ("m,\"t,,good.npy,", "a quote is opened and not closed"),
        ("n,t,,half.npy,test_b", null),
    ], good: 5);

    [Fact]
    public void Tsv_AllKindsOfBadRows_AreListed() => Check("v.tsv",
    [
        ("title\tother\tid\tframes", null),
        ("t\t\ta\tgood.npy", null),
        ("t\ta\tgood.npy", "the row has 3 fields; there are 4 columns"),
        ("t\t\t\tgood.npy", "the id is empty"),
        ("t\t\tnan\tnan.npy", "(id nan): nan.npy: frame 1 has NaN at value 1"),
        ("\"t\tt\"\t\tb\tgood.npy", null),
    ], good: 2);

    [Fact]
    public async Task Parquet_AllKindsOfBadRows_AreListed()
    {
        string[] ids = ["a", "b", null!, "a", "c", "d", "视频"];
        var id = new DataField<string>("id", nullable: true);
        var tags = new ListField("tags", new DataField<string>("element", nullable: true));
        var (title, frames, split) = (new DataField<string>("title"), new DataField<string>("frames"), new DataField<string>("split"));
        await using (var file = File.Create(Path("v.parquet")))
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(id, title, tags, frames, split), file, cancellationToken: TestContext.Current.CancellationToken))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(id, ids);
            await group.WriteAsync(title, ids);
            ReadOnlyMemory<char>[] values = ["x".AsMemory(), "y".AsMemory(), "z".AsMemory()];
            // a: x, y; b: x, null; no tags; an empty list; no tags; z; no tags
            await group.WriteAllPartsAsync<ReadOnlyMemory<char>>((DataField)tags.Item, new[] { values[0], values[1], values[0], values[2] },
                new[] { 3, 3, 3, 2, 0, 1, 0, 3, 0 }, new[] { 0, 1, 0, 1, 0, 0, 0, 0, 0 }, TestContext.Current.CancellationToken);
            await group.WriteAsync(frames, new[] { "good.npy", "good.npy", "good.npy", "good.npy", "wide.npy", "half.npy", "half.npy" });
            await group.WriteAsync(split, new[] { "", null!, "", "", "", "test", "pretrain" });
        }
        CheckFile("v.parquet",
        [
            "row 2 (id b): tag 2 is null", "row 3: there is no 'id'", "row 4 (id a): the id is already on row 1",
            "row 5 (id c): its frames have 5 values; those of 2 other videos have 4",
            "row 6 (id d): the split 'test' is not known; it must be pretrain, pairs, test_a, test_b",
        ], [], good: 2);
    }

    [Fact]
    public void Pairs_AllKindsOfBadLines_AreListed()
    {
        Write("v.csv", "id,title,split\ngood,,pairs\nhalf,,pairs\nx,,pairs\nc,,\n"u8.ToArray());
        Write("frames/x.npy", NumpyFile.Of(1, Width));
        Write("frames/c.npy", NumpyFile.Of(1, Width));
        Write("pairs.tsv", "good\thalf\t0.5\r\ngood\tmissing\t0.5\ngood\tgood\t1\ngood\thalf\t1.5\ngood\thalf\thigh\n\ngood\thalf\ngood\thalf\tNaN\ngood\tc\t0\nhalf\tgood\t0\n\n"u8.ToArray());
        CheckFile("v.csv", [], [
            "line 2: there is no video 'missing'", "line 3: a video is paired with itself", "line 4: the similarity 1.5 is not in [0, 1]",
            "line 5: the similarity 'high' is not a number", "line 6: is empty; expected id, id, similarity", "line 7: has 2 fields separated by tabs; expected 3: id, id, similarity",
            "line 8: the similarity NaN is not in [0, 1]", "line 9: its videos are in pairs and pretrain; both must be in pairs, in test_a, or in test_b",
        ], good: 4, "--pairs", Path("pairs.tsv"));
        Assert.Equal("good\thalf\t0.5\nhalf\tgood\t0\n", File.ReadAllText(Path("out/pairwise/label.tsv")));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static string Row(string id, string more = "", string file = "good.npy") => $"{{\"id\": \"{id}\", \"title\": \"\", \"frames\": \"{file}\"{more}}}";

    private void Check(string table, (string Row, string? Reason)[] rows, int good)
    {
        Write(table, [.. rows.SelectMany(static row => Invalid(Encoding.UTF8.GetBytes(row.Row + "\n")))]);
        var expected = new List<string>();
        int line = 1;
        foreach (var (row, reason) in rows)
        {
            if (reason is not null)
                expected.Add($"line {line}{(reason.StartsWith('(') ? " " : ": ")}{reason}");
            line += 1 + row.Count(static character => character == '\n');
        }
        CheckFile(table, [.. expected], [], good);
    }

    // Writes the character U+00FF as the byte 0xff, which UTF-8 does not have.
    private static byte[] Invalid(byte[] text)
    {
        int at = text.AsSpan().IndexOf("\u00ff"u8);
        return at < 0 ? text : [.. text[..at], 0xff, .. text[(at + 2)..]];
    }

    private void CheckFile(string table, string[] badRows, string[] badPairs, int good, params string[] more)
    {
        string[] command = ["data", "import", Path(table), "--frames", Path("frames"), "--output-dir", Path("out"), .. more];
        string[] listed = [.. badRows.Select(bad => $"{Path(table)}: {bad}"), .. badPairs.Select(bad => $"{Path("pairs.tsv")}: {bad}")];
        var refused = Shell.Run(command);
        AssertListed(listed, refused.Output.Split('\n')[..^1]);
        refused.AssertFailed(1, Path(table), $"{listed.Length} bad rows, and nothing was written");
        Assert.False(Directory.Exists(Path("out")));
        Assert.Empty(Directory.GetFileSystemEntries(Path(""), ".import-*"));

        string[] skipped = Shell.Run([.. command, "--skip-bad-rows"]).AssertDone().Output.Split('\n');
        AssertListed(listed, skipped[..listed.Length]);
        var verified = Shell.Run(["data", "verify", .. Directory.GetFiles(Path("out"), "*.tfrecords", SearchOption.AllDirectories), "--frame-width", $"{Width}"]).AssertDone();
        Assert.Contains($"|       {good} |   0 |", verified.Output, StringComparison.Ordinal);
    }

    // The rest of a message of .NET, after …, may change.
    private static void AssertListed(string[] expected, string[] actual) =>
        Assert.Equal(expected, actual.Select((line, i) => i < expected.Length && expected[i].EndsWith('…') ? line[..Math.Min(line.Length, expected[i].Length - 1)] + '…' : line));

    private string Path(string name) => System.IO.Path.Combine(_folder.FullName, name);

    private void Write(string name, byte[] content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path(name))!);
        File.WriteAllBytes(Path(name), content);
    }
}
