using System.Text;
using Parquet;
using Parquet.Schema;
using VideoSim.Engine;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Imports that cannot begin, and imports that are killed or run out of disk.</summary>
[Collection(nameof(CommandTests))]
public sealed class ImportTests : IDisposable
{
    private const int Width = 1536, FilesOfFrames = 8;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("videosim-test-");

    public ImportTests() => Directory.CreateDirectory(At("frames"));

    [Theory]
    [InlineData("v.txt", "a", "the name of a table of videos ends in .jsonl, .ndjson, .csv, .tsv or .parquet")]
    [InlineData("v.csv", "", "the file is empty")]
    [InlineData("v.csv", "id,title\n", "the table has no videos")]
    [InlineData("v.csv", "id,name,tags\na,b,c\n", "there is no column 'title'; the columns are 'id', 'name', 'tags'")]
    [InlineData("v.csv", "id,title,id\na,b,c\n", "there are two columns 'id'")]
    [InlineData("v.csv", "id,\"title\na,b\n", "line 1: a quote is opened and not closed")]
    [InlineData("v.tsv", "id,title\na,b\n", "there is no column 'id'; the columns are 'id,title'")]
    [InlineData("v.jsonl", "\n\n", "the table has no videos")]
    [InlineData("v.parquet", "PAR1 and no more", "cannot be read as a Parquet file")]
    [InlineData("v.parquet", "", "cannot be read as a Parquet file")]
    public void Table_Unusable_IsRefusedInOneLine(string name, string content, string complaint)
    {
        File.WriteAllText(At(name), content);
        Import(name).AssertFailed(1, At(name), complaint);
        Assert.Equal([name, "frames"], Directory.GetFileSystemEntries(_folder.FullName).Select(Path.GetFileName).OrderDescending(StringComparer.Ordinal));
    }

    [Fact]
    public void Options_Wrong_AreRefusedInOneLine()
    {
        Import("v.csv").AssertFailed(1, At("v.csv"), "there is no such file");
        File.WriteAllText(At("v.csv"), "\uFEFFid,title\na,b\n", Encoding.Unicode);
        Import("v.csv").AssertFailed(1, At("v.csv"), "the text is UTF-16");
        WriteRows(1);
        Import("v.jsonl", "--frames", At("missing")).AssertFailed(1, $"--frames {At("missing")}", "there is no such folder");
        Import("v.jsonl", "--vocab", At("missing")).AssertFailed(1, At("missing"), "there is no such file");
        Import("v.jsonl", "--pairs", At("missing")).AssertFailed(1, At("missing"), "there is no such file");
        File.WriteAllText(At("empty.tsv"), "\n");
        Import("v.jsonl", "--pairs", At("empty.tsv")).AssertFailed(1, At("empty.tsv"), "there are no pairs");
        Import("frames").AssertFailed(1, At("frames"), "the name of a table");
        Import("v.jsonl", "--threads", "2147483647").AssertFailed(2, "--threads must be from 1 to 4096, not 2147483647");
        Import("v.jsonl", "--pairs", At(new string('n', 300))).AssertFailed(1, ": cannot be read: the path, or a name in it, is too long");
        File.WriteAllText(At("out"), "");
        Import("v.jsonl").AssertFailed(1, $"--output-dir {At("out")}", "is a file");
    }

    // A pipe can be read once only, and a device may never end.
    [Theory]
    [InlineData("table")]
    [InlineData("--pairs")]
    [InlineData("--vocab")]
    public void Options_DeviceOrPipe_AreRefused(string option)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there is no mkfifo");
        WriteRows(1);
        using (var made = System.Diagnostics.Process.Start("mkfifo", At("pipe.csv")))
            made.WaitForExit();
        File.CreateSymbolicLink(At("device.csv"), "/dev/zero");
        foreach (string name in new[] { "pipe.csv", "device.csv" })
            (option == "table" ? Import(name) : Import("v.jsonl", option, At(name))).AssertFailed(1, At(name), "is a device or a pipe");
    }

    // The folder of a process cannot be written by anyone. The table, which is bad too, is not read.
    [Fact]
    public void Output_CannotBeWritten_IsRefusedBeforeTheWork()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the system has no /proc");
        File.WriteAllText(At("v.csv"), "id\n");
        Shell.Run(["data", "import", At("v.csv"), "--output-dir", "/proc/self/fdinfo/x"]).AssertFailed(1, "/proc/self/fdinfo/x: cannot be written");
    }

    [Fact]
    public void Rows_AllBad_AreListedAlsoWhenTheyAreSkipped()
    {
        File.WriteAllText(At("v.csv"), "id,title\nx,t\ny,t\n");
        var outcome = Import("v.csv", "--skip-bad-rows");
        outcome.AssertFailed(1, "no row is good, and nothing was written");
        Assert.Equal(2, outcome.Output.Split('\n').Count(static line => line.EndsWith("there is no such file", StringComparison.Ordinal)));
        File.WriteAllText(At("v.csv"), "id,title\nx,t\n");
        Import("v.csv").AssertFailed(1, "1 bad row, and nothing was written");
    }

    [Fact]
    public async Task Parquet_ColumnOfAnotherType_IsRefused()
    {
        var (id, title) = (new DataField<string>("id"), new DataField<double>("title"));
        await using (var file = File.Create(At("v.parquet")))
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(id, title), file, cancellationToken: TestContext.Current.CancellationToken))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(id, new[] { "a" });
            await group.WriteAsync<double>(title, new[] { 1.5 }, cancellationToken: TestContext.Current.CancellationToken);
        }
        Import("v.parquet").AssertFailed(1, At("v.parquet"), "the column 'title' has values of type Double; expected text");
    }

    // A damaged byte changes a value, or the file is refused. The damage is the same in every run. With other damage
    // the library may read for ever, in a thread that lasts as long as the process.
    [Fact]
    public async Task Parquet_DamagedBytes_AreRefusedOrReadAsOtherValues()
    {
        var (id, title) = (new DataField<string>("id"), new DataField<string>("title"));
        await using (var file = File.Create(At("v.parquet")))
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(id, title), file, cancellationToken: TestContext.Current.CancellationToken))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(id, Enumerable.Range(0, 50).Select(static i => $"id {i}").ToArray());
            await group.WriteAsync(title, Enumerable.Range(0, 50).Select(static i => $"title {i % 7}").ToArray());
        }
        byte[] whole = await File.ReadAllBytesAsync(At("v.parquet"), TestContext.Current.CancellationToken);
        var random = new Random(1);
        for (int i = 0; i < 300; i++)
        {
            byte[] damaged = [.. whole];
            damaged[random.Next(whole.Length)] = (byte)random.Next(256);
            string path = At($"{i}.parquet");
            File.WriteAllBytes(path, damaged[..Math.Min(random.Next(1, 4 * whole.Length), damaged.Length)]);
            try
            {
                foreach (var _ in new Import.Parquet.ParquetTable(path).Read())
                {
                }
            }
            catch (DataException failure)
            {
                Assert.StartsWith($"{path}: ", failure.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', failure.Message);
            }
        }
    }

    // A whole number is an id and a tag. A table of many row groups is one table.
    [Fact]
    public async Task Parquet_NumbersAndRowGroups_AreRead()
    {
        var (id, title) = (new DataField<long>("id"), new DataField<string>("title"));
        var tags = new ListField("tags", new DataField<int>("element"));
        await using (var file = File.Create(At("v.parquet")))
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(id, title, tags), file, cancellationToken: TestContext.Current.CancellationToken))
        {
            for (int part = 0; part < 3; part++)
            {
                using var group = writer.CreateRowGroup();
                await group.WriteAsync<long>(id, new[] { part * 2L, part * 2L + 1 }, cancellationToken: TestContext.Current.CancellationToken);
                await group.WriteAsync(title, new[] { "x", "y" });
                await group.WriteAllPartsAsync<int>((DataField)tags.Item, new[] { 70, 80, 70 }, new[] { 2, 2, 2 }, new[] { 0, 1, 0 }, TestContext.Current.CancellationToken);
            }
        }
        for (int video = 0; video < 6; video++)
            File.WriteAllBytes(At($"frames/{video}.npy"), NumpyFile.Of(1, 3));
        Import("v.parquet").AssertDone();
        Assert.Equal("70\n80\n", File.ReadAllText(At("out/tag_list.txt")));
        Assert.Equal("number\ttag\tvideos\n70\t70\t6\n80\t80\t3\n", File.ReadAllText(At("out/tags.tsv")));
    }

    // An old writer's list, a repeated field without a group around it, may be empty. Any whole number is an id.
    [Fact]
    public async Task Parquet_RepeatedFieldAndSmallNumbers_AreRead()
    {
        var (id, title, tags) = (new DataField<byte>("id"), new DataField<string>("title"), new DataField<string[]>("tags"));
        await using (var file = File.Create(At("v.parquet")))
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(id, title, tags), file, cancellationToken: TestContext.Current.CancellationToken))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync<byte>(id, new byte[] { 7, 200 }, cancellationToken: TestContext.Current.CancellationToken);
            await group.WriteAsync(title, new[] { "x", "y" });
            await group.WriteAllPartsAsync<ReadOnlyMemory<char>>(tags, new[] { "a".AsMemory(), "b".AsMemory() }, new[] { 1, 1, 0 }, new[] { 0, 1, 0 }, TestContext.Current.CancellationToken);
        }
        File.WriteAllBytes(At("frames/7.npy"), NumpyFile.Of(1, 3));
        File.WriteAllBytes(At("frames/200.npy"), NumpyFile.Of(1, 3));
        Import("v.parquet").AssertDone();
        Assert.Equal("number\ttag\tvideos\n1\ta\t1\n2\tb\t1\n", File.ReadAllText(At("out/tags.tsv")));
    }

    [Fact]
    public async Task Parquet_InvalidUtf8_IsABadRow()
    {
        var (id, title) = (new DataField<string>("id"), new DataField<string>("title"));
        await using (var file = File.Create(At("v.parquet")))
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(id, title), file, new ParquetOptions { CompressionMethod = CompressionMethod.None }, cancellationToken: TestContext.Current.CancellationToken))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(id, new[] { "a~", "a2", "a3" });
            await group.WriteAsync(title, new[] { "t", "\ufffd", "t!" });
        }
        byte[] bytes = File.ReadAllBytes(At("v.parquet"));
        // Also in the statistics.
        bytes.AsSpan().Replace((byte)'~', (byte)0xff);
        bytes.AsSpan().Replace((byte)'!', (byte)0xff);
        File.WriteAllBytes(At("v.parquet"), bytes);
        File.WriteAllBytes(At("frames/a2.npy"), NumpyFile.Of(1, 3));
        File.WriteAllBytes(At("frames/a3.npy"), NumpyFile.Of(1, 3));
        Assert.Equal([$"{At("v.parquet")}: row 1: the row is not valid UTF-8", $"{At("v.parquet")}: row 3 (id a3): the row is not valid UTF-8"], Import("v.parquet", "--skip-bad-rows").AssertDone().Output.Split('\n')[..2]);
    }

    // 155 MB: the state is saved once. tests/faults.sh kills an import of 620 MB.
    [Fact]
    public void Import_KilledThreeTimes_EndsWithTheSameBytes()
    {
        WriteRows(5_000);
        var whole = Import("v.jsonl").AssertDone();
        Directory.Move(At("out"), At("whole"));
        for (int kill = 0; kill < 3; kill++)
        {
            using var process = ChildProcess.Start(Command("v.jsonl"));
            while (!process.HasExited && !Directory.Exists(At(".import-out")))
                Thread.Sleep(1);
            Thread.Sleep(150 * kill);
            process.Kill();
            process.WaitForExit();
        }
        Assert.Equal(whole.Output, Import("v.jsonl").AssertDone().Output);
        Folders.AssertEqual(At("whole"), At("out"));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.FullName, ".import-*"));
    }

    // An interrupted join begins anew. The signal comes while the table is checked, which takes seconds.
    [Theory]
    [InlineData("interrupted; the same command continues where it stopped")]
    [InlineData("interrupted", "--collect")]
    public void Import_Interrupted_TellsWhetherTheSameCommandContinues(string message, params string[] more)
    {
        ChildProcess.RequireSignal("TERM");
        WriteRows(300_000);
        Directory.CreateDirectory(At(".out.shard-1-of-1"));
        using var process = ChildProcess.Start(Command("v.jsonl", ["--threads", "1", .. more]));
        while (!process.HasExited && !Directory.Exists(At(".import-out")))
            Thread.Sleep(1);
        ChildProcess.Send("TERM", process.Id);
        Assert.Equal($"error: {message}", process.StandardError.ReadToEnd().TrimEnd());
        process.WaitForExit();
        Assert.Equal(143, process.ExitCode);
    }

    [Fact]
    public void Import_DiskFull_NamesTheFileAndLeavesNothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs a shell that can limit the size of files");
        WriteRows(50);
        ChildProcess.RunWithSmallDisk(100, Command("v.jsonl")).AssertFailed(1, At("out/pointwise/pretrain_0.tfrecords"), "cannot be written");
        ChildProcess.RunWithSmallDisk(0, Command("v.jsonl")).AssertFailed(1, At("out/"), "cannot be written");
        Assert.Equal(["frames", "v.jsonl"], Directory.GetFileSystemEntries(_folder.FullName).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private string At(string name) => Path.Combine(_folder.FullName, name);

    private string[] Command(string table, params string[] more) =>
        ["data", "import", At(table), "--output-dir", At("out"), .. more.Contains("--frames") ? more : ["--frames", At("frames"), .. more]];

    private Outcome Import(string table, params string[] more) => Shell.Run(Command(table, more));

    private void WriteRows(int count)
    {
        for (int i = 0; i < FilesOfFrames; i++)
            File.WriteAllBytes(At($"frames/{i}.npy"), NumpyFile.Of(10, Width, "<f2"));
        File.WriteAllLines(At("v.jsonl"), Enumerable.Range(0, count).Select(static i => $"{{\"id\": {i}, \"title\": \"t\", \"frames\": \"{i % FilesOfFrames}.npy\"}}"));
    }
}
