using System.Globalization;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Import;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;
using VideoSim.Models.Tests.Records;
using VideoSim.Models.Text;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Import;

/// <summary>What an import writes, with any number of threads and after interruptions.</summary>
public sealed class VideoImportTests : IDisposable
{
    // Progress is reported 47 times while rows are checked and as often while frames are read.
    private const int Width = 24, Videos = 3_000, BadVideos = 30;

    private readonly ScratchFolder _folder = new();

    public VideoImportTests()
    {
        Directory.CreateDirectory(Full("frames"));
        for (int i = 0; i < 10; i++)
            _folder.Write($"frames/{i}.npy", NumpyFile.Of(1 + i, Width, i % 2 == 0 ? "<f2" : "<f4"));
        _folder.Write("frames/nan.npy", NumpyFile.Of("<f4", "False", $"(1, {Width})", [.. Enumerable.Repeat(1f, Width - 1), float.NaN]));
        _folder.Write("v.csv", "id,title,tags,frames\n" + string.Concat(Enumerable.Range(0, Videos).Select(
            static i => $"视频 {i},Title {i % 7} of the dog,t{i % 5}|t{i % 3 + 10},{(i % 100 == 50 ? "nan" : i % 10)}.npy\n")));
        _folder.Write("pairs.tsv", string.Concat(Enumerable.Range(0, 200).Select(
            static i => string.Create(CultureInfo.InvariantCulture, $"视频 {3 * i}\t视频 {3 * i + 1 + i % 2}\t{i % 11 / 10.0}\n"))));
    }

    [Fact]
    public void Run_Table_BecomesTheChallengesLayout()
    {
        var result = Run("a");
        Assert.True(result.Written);
        Assert.Equal((Videos, Width, 8, BadVideos), (result.Rows, result.FrameWidth, result.Tags, result.BadRows.Count));
        var pretrain = Open("a/pointwise/pretrain_0.tfrecords");
        var pairs = Open("a/pairwise/pairwise.tfrecords");
        var test = Open("a/test_a/test_a.tfrecords");
        Assert.Equal([pretrain.Count, pairs.Count, test.Count, 0], result.Parts.Select(static part => part.Videos));
        Assert.Equal(Videos - BadVideos, pretrain.Count + test.Count);
        var trained = LabelFile.Read(Full("a/pairwise/label.tsv"), pairs.TryFind);
        var tested = LabelFile.Read(Full("a/test_a/label.tsv"), test.TryFind);
        Assert.Equal((20, 200), (tested.Length, tested.Length + trained.Length + LostPairs(result)));
        Assert.False(pairs.TryFind(IdOf(test, 0), out _), "a test video is in a training pair");
        Assert.False(pretrain.TryFind(IdOf(test, 0), out _), "a test video is for pretraining");
        Assert.True(pretrain.TryFind(IdOf(pairs, 0), out _), "a training pair's video is not for pretraining");

        using var reader = pretrain.OpenReader();
        var video = reader.Read(0);
        Assert.Equal("视频 0"u8, video.Id);
        Assert.Equal([1, 2], video.TagIds.ToArray());
        Assert.Equal(NumpyFile.Of(1, Width, "<f2")[^(2 * Width)..], video.Frames[0].ToArray());
        Assert.Equal(8, TagList.Read(Full("a/tag_list.txt")).ClassCount);
        string[] tags = File.ReadAllLines(Full("a/tags.tsv"));
        Assert.Equal((1 + 8, "number\ttag\tvideos"), (tags.Length, tags[0]));
        Assert.Equal(["1\tt0", "2\tt10", "3\tt1"], tags.Select(static tag => tag[..tag.LastIndexOf('\t')]).Where(static tag => tag is ['1' or '2' or '3', ..]).Order(StringComparer.Ordinal));

        var vocabulary = Vocabulary.Load(Full("a/vocab.txt"));
        int[] ids = new int[32];
        int tokens = new BertTokenizer(vocabulary).Encode(video.Title, ids, new int[32]);
        Assert.Equal(["[CLS]", "title", "0", "of", "the", "dog", "[SEP]"], ids[..tokens].Select(id => vocabulary[id]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Run_AnyThreads_GivesTheSameBytes(int threads)
    {
        Run("one", options => options with { Threads = 3 });
        Run("other", options => options with { Threads = threads });
        Folders.AssertEqual(Full("one"), Full("other"));
    }

    // A process that is killed leaves files that are longer than the last saved state says.
    [Fact]
    public void Run_StoppedManyTimes_EndsWithTheSameBytes()
    {
        Run("whole");
        int stops = 0, resumed = 0;
        for (int reports = 45; ; reports += 10)
        {
            try
            {
                var progress = new StoppingSink(reports);
                Run("stopped", options => options with { SaveEvery = 2_000 }, progress);
                resumed += progress.Resumed ? 1 : 0;
                break;
            }
            catch (InvalidOperationException)
            {
                stops++;
                Assert.False(Directory.Exists(Full("stopped")));
            }
        }
        Folders.AssertEqual(Full("whole"), Full("stopped"));
        Assert.True(stops >= 3 && resumed > 0, $"{stops} stops");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path, ".import-*"));
    }

    [Fact]
    public void Run_Cancelled_ContinuesAtTheNextRow()
    {
        Run("whole");
        using var cancellation = new CancellationTokenSource();
        var progress = new StoppingSink(int.MaxValue) { At = 70, Do = cancellation.Cancel };
        Assert.Throws<OperationCanceledException>(() => VideoImport.Run(Options("cancelled"), progress, cancellation.Token));
        var second = new StoppingSink(int.MaxValue);
        Run("cancelled", progress: second);
        Assert.True(second.Resumed);
        Folders.AssertEqual(Full("whole"), Full("cancelled"));
    }

    [Fact]
    public void Run_InputsChangedAfterAStop_BeginsAnew()
    {
        Assert.Throws<InvalidOperationException>(() => Run("a", options => options with { SaveEvery = 2_000 }, new StoppingSink(80)));
        File.SetLastWriteTimeUtc(Full("frames/3.npy"), new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        var progress = new StoppingSink(int.MaxValue);
        Run("a", progress: progress);
        Assert.False(progress.Resumed);
        Run("b");
        Folders.AssertEqual(Full("a"), Full("b"));
    }

    [Fact]
    public void Run_AgainInAFinishedFolder_ChangesNothingAndOtherFilesAreRefused()
    {
        var first = Run("a");
        Assert.Equal(first.Parts, Run("a").Parts);
        Assert.Contains("import of other videos or options", Assert.Throws<DataException>(() => Run("a", options => options with { Seed = 7 })).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(Full("b"));
        _folder.Write("b/mine.txt", "");
        Assert.Contains("the folder is not empty", Assert.Throws<DataException>(() => Run("b")).Message, StringComparison.Ordinal);
        Assert.Equal(["mine.txt"], Directory.GetFiles(Full("b")).Select(Path.GetFileName));
    }

    [Fact]
    public void Run_EmptyFolderThatExists_IsFilled()
    {
        Directory.CreateDirectory(Full("a"));
        Assert.True(Run("a").Written);
    }

    // Times stand for the content: the same values again are other videos too.
    [Fact]
    public void Run_OtherFramesInAFinishedFolder_AreRefused()
    {
        Run("a");
        Directory.CreateDirectory(Full("copy"));
        foreach (string file in Directory.GetFiles(Full("frames")))
        {
            File.Copy(file, file.Replace("frames", "copy", StringComparison.Ordinal));
            File.SetLastWriteTimeUtc(file.Replace("frames", "copy", StringComparison.Ordinal), File.GetLastWriteTimeUtc(file));
        }
        AssertRefused("import of other videos or options", "a", static options => options with { Frames = options.Frames!.Replace("frames", "copy", StringComparison.Ordinal) });
        _folder.Write("frames/3.npy", NumpyFile.Of("<f4", "False", $"(4, {Width})", new float[4 * Width]));
        File.SetLastWriteTimeUtc(Full("frames/3.npy"), new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        AssertRefused("import of other videos or options", "a");
    }

    [Fact]
    public void Run_FolderOfAnotherProgramInTheWay_IsKept()
    {
        Directory.CreateDirectory(Full(".import-a"));
        _folder.Write(".import-a/precious.txt", "x");
        AssertRefused("this folder has other files", "a");
        Assert.Equal(["precious.txt"], Directory.GetFileSystemEntries(Full(".import-a")).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("shorter")]
    [InlineData("missing")]
    [InlineData("state")]
    [InlineData("row")]
    [InlineData("outside")]
    public void Run_DamagedWork_BeginsAnew(string damage)
    {
        Run("whole");
        Assert.Throws<InvalidOperationException>(() => Run("a", static options => options with { SaveEvery = 2_000 }, new StoppingSink(80)));
        string part = Full(".import-a/pointwise/pretrain_0.tfrecords"), state = Full(".import-a/.videosim-import.json");
        switch (damage)
        {
            case "shorter":
                File.WriteAllBytes(part, File.ReadAllBytes(part)[..100]);
                break;
            case "missing":
                File.Delete(part);
                break;
            case "state":
                File.WriteAllText(state, "{\"key\": 1}");
                break;
            case "row":
                File.WriteAllText(state, File.ReadAllText(state).Replace("\"row\": ", "\"row\": 1", StringComparison.Ordinal));
                break;
            default:
                _folder.Write("mine.tfrecords", "mine");
                var changed = JsonNode.Parse(File.ReadAllText(state).Replace("pointwise/pretrain_0", "../mine", StringComparison.Ordinal))!.AsObject();
                using (var stream = File.Create(state))
                    JsonSeal.Write(stream, changed);
                break;
        }
        var progress = new StoppingSink(int.MaxValue);
        Run("a", progress: progress);
        Assert.False(progress.Resumed);
        Assert.Contains(progress.Notes, static note => note.Contains("damaged: the import begins anew", StringComparison.Ordinal));
        Folders.AssertEqual(Full("whole"), Full("a"));
        Assert.True(damage != "outside" || File.ReadAllText(Full("mine.tfrecords")) == "mine");
    }

    // A kill between the last file and the new name leaves a whole result under the old name.
    [Theory]
    [InlineData(42)]
    [InlineData(7)]
    public void Run_WholeUnderItsOldName_IsRenamedOrWrittenAnew(int seed)
    {
        Run("whole", options => options with { Seed = (ulong)seed });
        Run("a");
        Directory.Move(Full("a"), Full(".import-a"));
        _folder.Write(".import-a/.videosim-import.json", "{}");
        Run("a", options => options with { Seed = (ulong)seed });
        Folders.AssertEqual(Full("whole"), Full("a"));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path, ".import-*"));
    }

    // Without bad rows the option for them changes the record only.
    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void Run_WholeUnderItsOldName_IsOfUseWithTheOptionForBadRows(bool skipped, bool skips)
    {
        _folder.Write("v.csv", "id,title,frames\na,t,1.npy\nb,t,2.npy\n");
        Run("whole", options => options with { Pairs = null, SkipBadRows = skips });
        Run("a", options => options with { Pairs = null, SkipBadRows = skipped });
        Directory.Move(Full("a"), Full(".import-a"));
        _folder.Write(".import-a/.videosim-import.json", "{}");
        var progress = new StoppingSink(int.MaxValue);
        Run("a", options => options with { Pairs = null, SkipBadRows = skips }, progress);
        Assert.Equal(skips, !progress.Notes.Exists(static note => note.Contains("begins anew", StringComparison.Ordinal)));
        Folders.AssertEqual(Full("whole"), Full("a"));
    }

    // A kill after the rename leaves the state. Of another import it stays.
    [Theory]
    [InlineData(42, false)]
    [InlineData(7, true)]
    public void Run_CompleteWithTheStateOfTheWork_DeletesIt(int seed, bool stays)
    {
        Run("a");
        _folder.Write("a/.videosim-import.json", "{}");
        if (stays)
            Assert.Throws<DataException>(() => Run("a", options => options with { Seed = (ulong)seed }));
        else
            Run("a");
        Assert.Equal(stays, File.Exists(Full("a/.videosim-import.json")));
    }

    [Theory]
    [InlineData("link")]
    [InlineData("link/")]
    [InlineData("dangling")]
    public void Run_OutputIsALink_FillsItsFolder(string output)
    {
        Directory.CreateDirectory(Full("target"));
        File.CreateSymbolicLink(Full("link"), Full("target"));
        File.CreateSymbolicLink(Full("dangling"), Full("new"));
        Run(output);
        Assert.NotNull(new DirectoryInfo(Full(output.TrimEnd('/'))).LinkTarget);
        Assert.True(File.Exists(Full(output == "dangling" ? "new/import.json" : "target/import.json")));
        Run(output);
    }

    // The end of an import replaces an empty folder, and that of a disk cannot be replaced.
    [Fact]
    public void Run_OutputIsADisk_IsRefusedBeforeTheWork()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the system has no /dev/shm");
        var progress = new StoppingSink(1);
        Assert.Contains("--output-dir /dev/shm: is the root of a disk", Assert.Throws<DataException>(
            () => VideoImport.Run(Options("a") with { OutputDirectory = "/dev/shm" }, progress, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_ManyBadRows_AreCountedAndTheFirstListed()
    {
        var result = Run("a", static options => options with { MostBadRows = 5 });
        Assert.Equal(BadVideos, result.BadRowCount);
        Assert.Equal([52, 152, 252, 352, 452], result.BadRows.SkipLast(1).Select(static bad => int.Parse(bad.Split("line ")[1].Split(' ')[0], CultureInfo.InvariantCulture)));
        Assert.Equal($"{Full("v.csv")}: {BadVideos - 5} more bad rows", result.BadRows[^1]);
    }

    // A thread holds one video beyond 256 KB, also where large ones follow small ones. The largest one has 17 MB.
    [Fact]
    public void Run_LargeVideos_AreTakenOneByOne()
    {
        _folder.Write("frames/large.npy", NumpyFile.Of(3_000, Width));
        _folder.Write("frames/largest.npy", NumpyFile.Of(177_000, Width));
        _folder.Write("v.csv", "id,title,frames\n" + string.Concat(Enumerable.Range(0, 2_000).Select(static i => $"{i},t,{(i is 1_001 ? "largest" : i is >= 1_000 and < 1_004 ? "large" : "1")}.npy\n")));
        var progress = new StoppingSink(int.MaxValue);
        Run("a", static options => options with { Pairs = null }, progress);
        Run("b", static options => options with { Pairs = null, Threads = 4 });
        Folders.AssertEqual(Full("a"), Full("b"));
        Assert.Superset(new HashSet<string> { "1001 rows", "1002 rows", "1003 rows", "1004 rows" }, progress.Texts.ToHashSet());
    }

    public void Dispose() => _folder.Dispose();

    private void AssertRefused(string reason, string output, Func<ImportOptions, ImportOptions>? with = null) =>
        Assert.Contains(reason, Assert.Throws<DataException>(() => Run(output, with)).Message, StringComparison.Ordinal);

    private static int LostPairs(ImportResult result) => 200 - result.Parts.Sum(static part => part.Pairs);

    private static byte[] IdOf(RecordIndex videos, int video)
    {
        using var reader = videos.OpenReader();
        return reader.Read(video).Id.ToArray();
    }

    private ImportResult Run(string output, Func<ImportOptions, ImportOptions>? with = null, IProgressSink? progress = null) =>
        VideoImport.Run((with ?? (static options => options))(Options(output)), progress ?? IProgressSink.None, TestContext.Current.CancellationToken);

    private ImportOptions Options(string output) => new()
    {
        Table = Full("v.csv"), Frames = Full("frames"), Pairs = Full("pairs.tsv"), OutputDirectory = Full(output), SkipBadRows = true, Threads = 2,
    };

    private string Full(string name) => Path.Combine(_folder.Path, name);

    private RecordIndex Open(string name) => RecordIndex.Build([Full(name)], Width, cancellation: TestContext.Current.CancellationToken);

    /// <summary>Throws at a report, or does something else there.</summary>
    private sealed class StoppingSink(int reports) : IProgressSink
    {
        private int _reports;

        internal int At { get; init; } = reports;

        internal Action Do { get; init; } = static () => throw new InvalidOperationException("stopped");

        internal bool Resumed { get; private set; }

        internal List<string> Notes { get; } = [];

        internal List<string> Texts { get; } = [];

        public void Begin(string label, long total, long done) => Resumed |= done > 0;

        public void Report(long done, string text)
        {
            Texts.Add(text);
            if (++_reports == At)
                Do();
        }

        public void End(string text)
        {
        }

        public void Note(string text) => Notes.Add(text);
    }
}
