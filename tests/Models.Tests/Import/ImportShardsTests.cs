using System.Globalization;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Models.Datasets;
using VideoSim.Models.Import;
using VideoSim.Models.Progress;
using VideoSim.Models.Tests.Records;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Import;

/// <summary>Imports that several machines do and one joins.</summary>
public sealed class ImportShardsTests : IDisposable
{
    private const int Width = 8;

    private readonly ScratchFolder _folder = new();

    public ImportShardsTests()
    {
        Directory.CreateDirectory(Full("frames"));
        for (int i = 0; i < 5; i++)
            _folder.Write($"frames/{i}.npy", NumpyFile.Of(1 + i, Width, i % 2 == 0 ? "<f2" : "<f4"));
        _folder.Write("frames/nan.npy", NumpyFile.Of("<f4", "False", $"(1, {Width})", [.. Enumerable.Repeat(1f, Width - 1), float.NaN]));
        WriteRows(24);
    }

    // Some rows are bad in the table, others have bad frames.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(29)]
    public void Join_AnyNumberOfShardsInAnyOrder_GivesTheBytesOfOneRun(int count)
    {
        var whole = Run("whole");
        Assert.Equal([2, 2, 2], [whole.BadRows.Count(static bad => bad.Contains("NaN", StringComparison.Ordinal)), whole.BadRows.Count(static bad => bad.Contains("no such file", StringComparison.Ordinal)), whole.Parts.Count(static part => part.Pairs > 0)]);
        Shard[] shuffled = [.. Enumerable.Range(1, count).Select(number => new Shard(number, count))];
        new Random(count).Shuffle(shuffled);
        var results = shuffled.Select(shard => Run("joined", options => options with { Shard = shard })).ToArray();
        for (int part = 0; part < whole.Parts.Count; part++)
            Assert.Equal(whole.Parts[part].Videos, results.Sum(result => result.Parts[part].Videos));
        Assert.False(Directory.Exists(Full("joined")));
        var joined = Join("joined");
        Assert.Equal(whole.Parts, joined.Parts);
        Assert.Equal(whole.BadRows, joined.BadRows);
        Folders.AssertEqual(Full("whole"), Full("joined"));
        AssertNothingElse();
        Assert.Equal(whole.Parts, Join("joined").Parts); // and again
    }

    [Fact]
    public void Shard_StoppedOrCancelled_ContinuesAtTheNextRow()
    {
        WriteRows(1_200);
        Run("whole");
        using var cancellation = new CancellationTokenSource();
        foreach (var (number, stop) in new[] { (1, new Action(static () => throw new InvalidOperationException("stopped"))), (2, cancellation.Cancel) })
        {
            var options = Options("joined") with { Shard = new(number, 2), SaveEvery = 2_000 };
            Assert.ThrowsAny<Exception>(() => VideoImport.Run(options, new Sink(stop, "importing, MB", 6), cancellation.Token));
            AssertRefused(() => Join("joined"), number == 1 ? "joined: shard 2/2 is missing" : "joined: shard 2/2 is not finished");
            var second = new Sink();
            Run("joined", _ => options, second);
            Assert.True(second.Resumed, $"shard {number}");
        }
        Join("joined");
        Folders.AssertEqual(Full("whole"), Full("joined"));
    }

    [Fact]
    public void Shards_AtTheSameTime_DoNotDisturbEachOtherAndTheSameOneIsRefused()
    {
        Run("whole");
        string refused = "";
        var during = new Sink(() =>
        {
            Run("joined", static options => options with { Shard = new(2, 2) });
            refused = Assert.Throws<DataException>(() => Run("joined", static options => options with { Shard = new(1, 2) })).Message;
            Assert.Contains("another process imports shard 1/2 into it", Assert.Throws<DataException>(() => Join("joined")).Message, StringComparison.Ordinal);
        });
        Run("joined", static options => options with { Shard = new(1, 2), Threads = 1 }, during);
        Assert.Equal($"--output-dir {Full("joined")}: another process imports shard 1/2 into it", refused);
        Join("joined");
        Folders.AssertEqual(Full("whole"), Full("joined"));
    }

    [Fact]
    public void Join_ShardsMissing_NamesThemAndKeepsTheOthers()
    {
        AssertRefused(() => Join("a/b"), $"--output-dir {Full("a/b")}: there are no shards to join");
        Assert.False(Directory.Exists(Full("a")));
        Run("joined", static options => options with { Shard = new(2, 3) });
        AssertRefused(() => Join("joined"), $"--output-dir {Full("joined")}: shards 1/3, 3/3 are missing");
        Run("joined", static options => options with { Shard = new(1, 2) });
        AssertRefused(() => Join("joined"), $"{Full(".joined.shard-2-of-3")}: is one of 3 shards, but {Full(".joined.shard-1-of-2")} is one of 2; delete those that do not belong to the result");
        Directory.Delete(Full(".joined.shard-1-of-2"), recursive: true);
        Run("joined", static options => options with { Shard = new(1, 3) });
        Run("joined", static options => options with { Shard = new(3, 3) });
        Run("whole");
        Join("joined");
        Folders.AssertEqual(Full("whole"), Full("joined"));
    }

    [Theory]
    [InlineData("option")]
    [InlineData("version")]
    [InlineData("time")]
    public void Join_ShardOfAnotherImport_IsRefusedAndBeginsAnew(string other)
    {
        var time = File.GetLastWriteTimeUtc(Full("frames/3.npy"));
        if (other == "time")
            File.SetLastWriteTimeUtc(Full("frames/3.npy"), time.AddSeconds(1));
        Run("joined", options => options with { Shard = new(1, 2), Seed = other == "option" ? 7 : options.Seed, Version = other == "version" ? "0.9" : options.Version });
        File.SetLastWriteTimeUtc(Full("frames/3.npy"), time);
        Run("joined", static options => options with { Shard = new(2, 2) });
        AssertRefused(() => Join("joined"), $"{Full(".joined.shard-1-of-2")}: is a shard of another import; all shards need the same version of the program, options, table, pairs and vocabulary, and the same paths, sizes and times of change of the frames");
        var progress = new Sink();
        Run("joined", static options => options with { Shard = new(1, 2) }, progress);
        Assert.Contains(progress.Notes, static note => note.Contains("files, the program or options have changed", StringComparison.Ordinal));
        Directory.Move(Full(".joined.shard-1-of-2"), Full("first"));
        Copy(Full(".joined.shard-2-of-2"), Full(".joined.shard-1-of-2"));
        AssertRefused(() => Join("joined"), $"{Full(".joined.shard-1-of-2")}: is a shard of another import");
        Assert.False(Directory.Exists(Full("joined")));
    }

    [Theory]
    [InlineData("byte", "the payload fails its checksum; delete")]
    [InlineData("shorter", "the file is truncated: it ends after ")]
    [InlineData("longer", "has {0} bytes, but was written with {1}; delete")]
    [InlineData("missing", "there is no such file; delete")]
    [InlineData("state", "has changed since it was written")]
    public void Join_DamagedShard_IsRefused(string damage, string complaint)
    {
        Run("whole");
        for (int number = 1; number <= 2; number++)
            Run("joined", options => options with { Shard = new(number, 2) });
        string shard = Full(".joined.shard-2-of-2"), file = Path.Combine(shard, damage == "state" ? ".videosim-import.json" : "pointwise/pretrain_0.tfrecords");
        byte[] content = File.ReadAllBytes(file);
        switch (damage)
        {
            case "byte":
                content[100] ^= 1;
                File.WriteAllBytes(file, content);
                break;
            case "shorter":
                File.WriteAllBytes(file, content[..^1]);
                break;
            case "longer":
                File.WriteAllBytes(file, [.. content, .. content]);
                break;
            case "missing":
                File.Delete(file);
                break;
            default:
                File.WriteAllText(file, File.ReadAllText(file).Replace("\"row\": ", "\"row\": 1", StringComparison.Ordinal));
                break;
        }
        string message = Assert.Throws<DataException>(() => Join("joined")).Message;
        Assert.Contains(string.Format(CultureInfo.InvariantCulture, complaint, 2 * content.Length, content.Length), message, StringComparison.Ordinal);
        Assert.Contains(file, message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Full("joined")) || Directory.Exists(Full(".import-joined")));
        Directory.Delete(shard, recursive: true);
        Run("joined", static options => options with { Shard = new(2, 2) });
        Join("joined");
        Folders.AssertEqual(Full("whole"), Full("joined"));
    }

    // An import of all rows that was interrupted gives way, and the shards stay until the result has its place.
    [Fact]
    public void Join_Stopped_BeginsAnewAndKeepsTheShards()
    {
        WriteRows(1_200);
        Run("whole");
        Assert.Throws<InvalidOperationException>(() => Run("joined", static options => options with { SaveEvery = 2_000 }, new Sink(static () => throw new InvalidOperationException("stopped"), "importing, MB", 6)));
        for (int number = 1; number <= 2; number++)
            Run("joined", options => options with { Shard = new(number, 2) });
        Assert.Throws<InvalidOperationException>(() => Run("joined", static options => options with { JoinsShards = true }, new Sink(static () => throw new InvalidOperationException("stopped"), "joining shards, MB", 700)));
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => VideoImport.Run(Options("joined") with { JoinsShards = true }, new Sink(cancellation.Cancel, "joining shards, MB", 300), cancellation.Token));
        Assert.False(Directory.Exists(Full(".import-joined")));
        Join("joined");
        Folders.AssertEqual(Full("whole"), Full("joined"));
        AssertNothingElse();
    }

    // A state has a largest size. Each shard has room for the texts of all bad rows that one run lists.
    [Fact]
    public void Join_ManyBadRows_KeepsAsManyTextsAsOneRun()
    {
        for (int number = 1; number <= 2; number++)
            Run("joined", options => options with { Shard = new(number, 2), MostBadRows = 1 });
        string[] ids = [];
        Run("joined", static options => options with { JoinsShards = true, MostBadRows = 1 }, new Sink(() =>
            ids = [.. JsonNode.Parse(File.ReadAllText(Full(".import-joined/.videosim-import.json")))!["bad_rows"]!.AsArray().Select(static bad => $"{bad!["id"]}: {bad["reason"]}")]));
        Assert.Equal([$"视频 5: nan.npy: frame 0 has NaN at value {Width - 1}", ": "], ids);
    }

    // A process that is killed at its very end leaves shards, or a part of one.
    [Fact]
    public void Join_Complete_DeletesWhatIsLeftOfTheShards()
    {
        Run("joined", static options => options with { Shard = new(1, 1) });
        Copy(Full(".joined.shard-1-of-1"), Full("kept"));
        Join("joined");
        Directory.Move(Full("kept"), Full(".joined.shard-2-of-3"));
        Run("other", static options => options with { Shard = new(1, 1) });
        Directory.Move(Full(".other.shard-1-of-1"), Full(".joined.shard-1-of-1"));
        Directory.Delete(Full(".joined.shard-1-of-1/pointwise"), recursive: true);
        Join("joined");
        Assert.Equal([".joined.shard-2-of-3"], Directory.GetFileSystemEntries(_folder.Path, ".*").Select(Path.GetFileName)); // another shard's, by its state
    }

    [Fact]
    public void Shard_BadFramesThatAreNotSkipped_KeepsNothingAndIsImportedAgain()
    {
        WriteRows(24, missing: false);
        var results = Enumerable.Range(1, 3).Select(number => Run("a", options => options with { Shard = new(number, 3), SkipBadRows = false })).ToArray();
        Assert.Equal([false, true, false], results.Select(static result => result.Written));
        Assert.Equal([1, 0, 1], results.Select(static result => result.BadRows.Count));
        AssertRefused(() => Join("a"), "shards 1/3, 3/3 are missing");

        // Only these are imported again. The bytes of the other one are the same with the option.
        Run("whole");
        foreach (int number in new[] { 1, 3 })
            Run("a", options => options with { Shard = new(number, 3) });
        Join("a");
        Folders.AssertEqual(Full("whole"), Full("a"));
        AssertNothingElse();
    }

    [Fact]
    public void Shard_StoppedWithoutTheOptionForBadRows_ContinuesWithItAndNotTheOtherWayRound()
    {
        WriteRows(1_200, missing: false);
        Run("whole");
        Run("joined", static options => options with { Shard = new(1, 2) });
        Stop(skips: false);
        Assert.True(Resumes(skips: true));
        Join("joined");
        Folders.AssertEqual(Full("whole"), Full("joined"));

        Directory.Delete(Full("joined"), recursive: true);
        Stop(skips: true);
        Assert.False(Resumes(skips: false));

        void Stop(bool skips) => Assert.Throws<InvalidOperationException>(
            () => Run("joined", options => options with { Shard = new(2, 2), SkipBadRows = skips, SaveEvery = 2_000 }, new Sink(static () => throw new InvalidOperationException("stopped"), "importing, MB", 6)));

        bool Resumes(bool skips)
        {
            var progress = new Sink();
            Run("joined", options => options with { Shard = new(2, 2), SkipBadRows = skips }, progress);
            return progress.Resumed;
        }
    }

    [Fact]
    public void Join_CompleteAndAnotherVersion_IsStillComplete()
    {
        Run("joined", static options => options with { Shard = new(1, 1) });
        var joined = Join("joined");
        Assert.Equal(joined.Parts, Run("joined", static options => options with { JoinsShards = true, Version = "0.9" }).Parts);
        Assert.Equal(joined.Parts, Run("joined", static options => options with { Version = "0.9" }).Parts);
    }

    [Fact]
    public void Shard_OfACompleteImport_ChangesNothing()
    {
        var whole = Run("a");
        Assert.Equal(whole.Parts, Run("a", static options => options with { Shard = new(1, 2) }).Parts);
        AssertRefused(() => Run("a", static options => options with { Shard = new(1, 2), Seed = 7 }), "import of other videos or options");
        AssertNothingElse();
    }

    public void Dispose() => _folder.Dispose();

    private static void AssertRefused(Action action, string complaint) => Assert.Contains(complaint, Assert.Throws<DataException>(action).Message, StringComparison.Ordinal);

    private static void Copy(string folder, string target)
    {
        foreach (string file in Directory.GetFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }))
        {
            string copy = Path.Combine(target, Path.GetRelativePath(folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    private void AssertNothingElse() => Assert.Empty(Directory.GetFileSystemEntries(_folder.Path, ".*"));

    // Rows 5 and 20 have bad frames, rows 9 and 10 none.
    private void WriteRows(int rows, bool missing = true)
    {
        _folder.Write("v.csv", "id,title,tags,frames\n" + string.Concat(Enumerable.Range(0, rows).Select(
            i => $"视频 {i},Title {i % 7} of the dog,t{i % 5}|t{i % 3 + 10},{(i is 5 or 20 ? "nan" : missing && i is 9 or 10 ? "none" : i % 5)}.npy\n")));
        _folder.Write("pairs.tsv", string.Concat(Enumerable.Range(0, rows / 2).Select(static i => string.Create(CultureInfo.InvariantCulture, $"视频 {2 * i}\t视频 {2 * i + 1}\t{i % 11 / 10.0}\n"))));
    }

    private ImportResult Join(string output) => Run(output, static options => options with { JoinsShards = true });

    private ImportResult Run(string output, Func<ImportOptions, ImportOptions>? with = null, IProgressSink? progress = null) =>
        VideoImport.Run((with ?? (static options => options))(Options(output)), progress ?? IProgressSink.None, TestContext.Current.CancellationToken);

    private ImportOptions Options(string output) => new()
    {
        Table = Full("v.csv"), Frames = Full("frames"), Pairs = Full("pairs.tsv"), OutputDirectory = Full(output), SkipBadRows = true, Threads = 2,
    };

    private string Full(string name) => Path.Combine(_folder.Path, name);

    /// <summary>Does something at a report of a piece of work.</summary>
    private sealed class Sink(Action? action = null, string work = "importing, MB", int at = 1) : IProgressSink
    {
        private string _work = "";
        private int _reports;

        internal bool Resumed { get; private set; }

        internal List<string> Notes { get; } = [];

        public void Begin(string label, long total, long done)
        {
            (_work, _reports) = (label, 0);
            Resumed |= done > 0;
        }

        public void Report(long done, string text)
        {
            if (_work == work && ++_reports == at)
                action?.Invoke();
        }

        public void End(string text)
        {
        }

        public void Note(string text) => Notes.Add(text);
    }
}
