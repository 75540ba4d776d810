using System.Globalization;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

public sealed class RunFolderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    // Somebody may name the wrong folder: theirs stays as it is, whatever its files are called.
    [Fact]
    public void Open_FolderOfSomebodyElse_ChangesNothingInIt()
    {
        string folder = At("theirs");
        foreach (string file in new[] { ".tmp-mine/f", ".old-keep/f", ".tmp-last-0123456789abcdef/f", ".old-best-0123456789abcdef/f", "notes" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, file))!);
            File.WriteAllText(Path.Combine(folder, file), "precious");
        }
        string[] before = Listing(folder);
        Assert.Equal($"{folder} is not empty and not the folder of a run: it has no args.json", Assert.Throws<DataException>(() => RunFolder.Open(folder, TinyRun.Arguments())).Message);
        Assert.Equal(before, Listing(folder));
    }

    [Theory]
    [InlineData(".tmp-mine/f")]
    [InlineData(".tmp-notes.txt")]
    [InlineData(".nfs-mine")]
    [InlineData(".tmp-other.json-0123456789abcdef")]
    [InlineData(".hidden")]
    public void Open_FolderWithAHiddenFile_IsNotEmpty(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(At("theirs"), file))!);
        File.WriteAllText(Path.Combine(At("theirs"), file), "precious");
        Assert.Throws<DataException>(() => RunFolder.Open(At("theirs"), TinyRun.Arguments()));
    }

    [Fact]
    public void Open_RunOfOtherArguments_ChangesNothingInIt()
    {
        string folder = At("run");
        Begin(folder, TinyRun.Arguments(seed: 1));
        Directory.CreateDirectory(Path.Combine(folder, ".tmp-last-0123456789abcdef")); // so it has begun
        string[] before = Listing(folder);
        Assert.Contains("seed was 1 and is 2", Assert.Throws<DataException>(() => RunFolder.Open(folder, TinyRun.Arguments(seed: 2))).Message, StringComparison.Ordinal);
        Assert.Equal(before, Listing(folder));
    }

    // Its arguments come between two looks of the other process, with other files right after them.
    [Fact]
    public async Task Open_WhileAnotherProcessBeginsTheFolder_IsNotRefused()
    {
        for (int i = 0; i < 100; i++)
        {
            string folder = At($"shared-{i}");
            var (arguments, others) = (TinyRun.Arguments("reproduce"), TinyRun.Arguments("reproduce"));
            bool hasBegun = false;
            var other = Task.Run(() =>
            {
                while (!Volatile.Read(ref hasBegun))
                    RunFolder.Open(folder, others, layout: new ReproductionLayout(), shared: true).Dispose();
            }, TestContext.Current.CancellationToken);
            using (var run = RunFolder.Open(folder, arguments, layout: new ReproductionLayout(), shared: true))
            {
                run.Begin(null, IProgressSink.None);
                Directory.CreateDirectory(Path.Combine(folder, "data.unfinished"));
                Volatile.Write(ref hasBegun, true);
            }
            await other;
        }
    }

    // Others see them while a process begins the folder, or after it was killed.
    [Theory]
    [InlineData(".tmp-args.json-0123456789abcdef")]
    [InlineData(".tmp-summary.json-0123456789abcdef")]
    [InlineData(".nfs00000000000004d200000001")]
    [InlineData("parts/.nfs00000000000004d200000001")]
    [InlineData("parts/begin.claim-1")]
    public void Open_FolderWithAFileOfAStart_IsNotRefused(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(At("run"), file))!);
        File.WriteAllText(Path.Combine(At("run"), file), "");
        RunFolder.Open(At("run"), TinyRun.Arguments("reproduce"), layout: new ReproductionLayout(), shared: true).Dispose();
    }

    // What a killed run left is cleared away, and nothing besides.
    [Fact]
    public void Open_RunThatWasKilled_RecoversItsOwnFoldersAlone()
    {
        string folder = At("run");
        Begin(folder, TinyRun.Arguments());
        const string End = "-0123456789abcdef";
        string[] foreign = [$".old-checkpoint-{End}", $".old-keep{End}", ".tmp-best", $".tmp-checkpoint-x{End}", $".tmp-last{End[..^1]}", $".tmp-last{End}.bak", $".tmp-mine{End}"];
        foreach (string name in new[] { $".tmp-checkpoint-7{End}", $".tmp-best{End}", $".old-last{End}" }.Concat(foreign))
            Directory.CreateDirectory(Path.Combine(folder, name));
        RunFolder.Open(folder, TinyRun.Arguments()).Dispose();
        Assert.Equal([.. foreign, "last"], Directory.GetDirectories(folder).Select(static path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
    }

    // Files as well: those of the run, with names that only this program makes.
    [Fact]
    public void Begin_RunThatWasKilled_DeletesItsOwnUnfinishedFilesAlone()
    {
        string folder = At("run");
        const string End = "-0123456789abcdef";
        string[] foreign = [".tmp-args.json", $".tmp-args.json{End}.bak", $".tmp-notes.txt{End}"], own = [$".tmp-args.json{End}", $".tmp-metrics.csv{End}", $".tmp-inputs.json{End}"];
        Begin(folder, TinyRun.Arguments());
        Array.ForEach([.. foreign, .. own], name => File.WriteAllText(Path.Combine(folder, name), "precious"));
        Begin(folder, TinyRun.Arguments());
        Assert.All(foreign, name => Assert.True(File.Exists(Path.Combine(folder, name)), name));
        Assert.All(own, name => Assert.False(File.Exists(Path.Combine(folder, name)), name));
    }

    // The lock's files may be links to other files, if another user may write to the folder.
    [Theory]
    [InlineData(".lock")]
    [InlineData(".lock-owner")]
    public void Open_LockThatIsALink_LeavesWhatItLeadsTo(string name)
    {
        string folder = At("run"), victim = At("victim");
        Directory.CreateDirectory(folder);
        File.WriteAllText(victim, "precious");
        File.CreateSymbolicLink(Path.Combine(folder, name), victim);
        if (name == ".lock")
            Assert.Equal($"{folder}: cannot be written: .lock is a link", Assert.Throws<DataException>(() => Begin(folder, TinyRun.Arguments())).Message);
        else
            Begin(folder, TinyRun.Arguments());
        Assert.Equal("precious", File.ReadAllText(victim));
    }

    [Fact]
    public void Open_RunInUse_IsRefusedUntilItIsGivenUp()
    {
        string folder = At("run");
        using (RunFolder.Open(folder, TinyRun.Arguments()))
        {
            string message = Assert.Throws<DataException>(() => RunFolder.Open(folder, TinyRun.Arguments())).Message;
            Assert.Equal($"{folder} is in use by process {Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}", message);
        }
        File.WriteAllText(Path.Combine(folder, ".lock-owner"), "1"); // of a process that was killed
        Begin(folder, TinyRun.Arguments());
        Assert.Equal(["args.json"], Directory.GetFiles(folder).Select(static path => Path.GetFileName(path)!).Where(static name => name != ".lock"));
    }

    [Theory]
    [InlineData("pointwise/pretrain_1.tfrecords")]
    [InlineData("pairwise/pairwise.tfrecords")]
    [InlineData("pairwise/label.tsv")]
    [InlineData("vocab.txt")]
    [InlineData("tag_list.txt")]
    public void Pretrain_DataChanged_IsRefusedHalfDoneAndNotedWhenDone(string file)
    {
        string data = At("data");
        TinyData.Write(data);
        using var device = new CpuDevice(1);
        string changed = Path.Combine(data, file);
        byte[] before = File.ReadAllBytes(changed);
        using (var stop = new StopAt(10))
            Assert.ThrowsAny<OperationCanceledException>(() => Run(device, stop, stop.Token));
        Change(changed);
        string message = Assert.Throws<DataException>(() => Run(device, IProgressSink.None, TestContext.Current.CancellationToken)).Message;
        Assert.Equal($"{At("run")} cannot continue: {changed} has changed since the run began; choose another --output-dir, or restore the old file", message);
        File.WriteAllBytes(changed, before);
        var notes = new Notes();
        double? score = Run(device, notes, TestContext.Current.CancellationToken);
        Assert.Equal(score, Run(device, notes, TestContext.Current.CancellationToken));
        Assert.DoesNotContain(notes.Lines, static line => line.Contains("since it began", StringComparison.Ordinal));
        if (file is "vocab.txt" or "tag_list.txt")
            return; // the model would be another one: another run
        Change(changed);
        Assert.Equal(score, Run(device, notes, TestContext.Current.CancellationToken));
        Assert.Equal($"{At("run")} is complete and stays as it is, but {changed} has changed since it began; to train again, choose another --output-dir", notes.Lines[^1]);
    }

    // A start that failed on its input is no obstacle once the input, or the command, is mended.
    [Fact]
    public void Pretrain_StartThatDidNothing_BeginsAgainWithOtherFilesAndArguments()
    {
        string data = At("data"), labels = Path.Combine(data, "pairwise", "label.tsv");
        TinyData.Write(data);
        string good = File.ReadAllText(labels);
        File.WriteAllText(labels, good.Replace("\t0.", "\t0,", StringComparison.Ordinal));
        using var device = new CpuDevice(1);
        Assert.Contains("is not a number", Assert.Throws<DataException>(() => Run(device, IProgressSink.None, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        File.WriteAllText(labels, good);
        var options = new RunOptions { OutputDirectory = At("run"), Preset = "micro", Model = "mix", Overrides = [.. TinyData.Overrides], Seed = 5 };
        Pretraining.Run(device, options, new DataFolder(data), IProgressSink.None, TestContext.Current.CancellationToken);
        Assert.Contains("seed was 5 and is 6", Assert.Throws<DataException>(() => Pretraining.Run(device, options with { Seed = 6 }, new DataFolder(data), IProgressSink.None, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        File.Delete(Path.Combine(At("run"), "last", "model.safetensors"));
        Assert.Contains("model.safetensors is gone", Assert.Throws<DataException>(() => Pretraining.Run(device, options, new DataFolder(data), IProgressSink.None, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.tags=3", "tag_list.txt has 40, and this size follows from the file")]
    [InlineData("model.encoder.vocab_size=3", "this size follows from the file")]
    [InlineData("model.model=uniter", "the model is chosen by --model")]
    public void Pretrain_SizeThatFollowsFromTheData_IsRefused(string text, string complaint)
    {
        TinyData.Write(At("data"));
        using var device = new CpuDevice(1);
        string message = Assert.Throws<DataException>(() => Pretraining.Run(device, new RunOptions { OutputDirectory = At("run"), Preset = "micro", Model = "mix", Overrides = [.. TinyData.Overrides, text] },
            new DataFolder(At("data")), IProgressSink.None, TestContext.Current.CancellationToken)).Message;
        Assert.StartsWith($"--set {text.Split('=')[0]}", message, StringComparison.Ordinal);
        Assert.EndsWith(complaint, message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("run")));
    }

    [Fact]
    public void Change_FilesThatComeAndGo_AreNamed()
    {
        string first = At("a.txt"), second = At("b.txt"), folder = Directory.CreateDirectory(At("run")).FullName;
        File.WriteAllText(first, "1");
        File.WriteAllText(second, "2");
        var inputs = new RunInputs(folder);
        Assert.False(inputs.Exist);
        Assert.Null(inputs.Change(TfRecordFormat.Instance, [], [first], TestContext.Current.CancellationToken));
        inputs.Require([FileDigest.OfContent(first)]);
        inputs.Require([FileDigest.OfContent(first)]);
        Assert.Null(inputs.Change(TfRecordFormat.Instance, [], [first], TestContext.Current.CancellationToken));
        Assert.Equal($"{second} is new", inputs.Change(TfRecordFormat.Instance, [], [first, second], TestContext.Current.CancellationToken));
        Assert.Equal($"{first} is gone", inputs.Change(TfRecordFormat.Instance, [], [], TestContext.Current.CancellationToken));
        string mounted = At("mounted/a.txt");
        Assert.Equal($"it reads {mounted} instead of {first}", inputs.Change(TfRecordFormat.Instance, [], [mounted], TestContext.Current.CancellationToken));
        string both = Directory.CreateDirectory(At("both")).FullName;
        new RunInputs(both).Require([FileDigest.OfContent(first), new FileDigest(mounted, 1, "a")]);
        Assert.Equal($"{first} is gone", new RunInputs(both).Change(TfRecordFormat.Instance, [], [mounted], TestContext.Current.CancellationToken));
        File.Delete(first);
        Assert.Equal($"{first} is gone", inputs.Change(TfRecordFormat.Instance, [], [first], TestContext.Current.CancellationToken));
    }

    // Of 200 GB only what was written since is read again.
    [Fact]
    public void Change_RecordFileOfTheSameSize_IsReadWhereItIsNewer()
    {
        string file = At("x.tfrecords"), folder = Directory.CreateDirectory(At("run")).FullName;
        TinyData.WriteRecords(file, [TinyData.Payload(1, tagged: true)]);
        var inputs = new RunInputs(folder);
        inputs.Require([TfRecordFormat.Instance.Digest(file, TestContext.Current.CancellationToken)]);
        byte[] bytes = File.ReadAllBytes(file);
        bytes[40] ^= 1;
        File.WriteAllBytes(file, bytes);
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddHours(1));
        Assert.Equal($"{file} has changed", inputs.Change(TfRecordFormat.Instance, [file], [], TestContext.Current.CancellationToken));
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddHours(-1));
        Assert.Null(inputs.Change(TfRecordFormat.Instance, [file], [], TestContext.Current.CancellationToken));
        File.WriteAllBytes(file, bytes[..^1]);
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddHours(-1));
        Assert.Equal($"{file} has changed", inputs.Change(TfRecordFormat.Instance, [file], [], TestContext.Current.CancellationToken));
    }

    private static string[] Listing(string folder) => [.. Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static void Change(string file)
    {
        byte[] bytes = File.ReadAllBytes(file);
        if (file.EndsWith(".tfrecords", StringComparison.Ordinal))
        {
            byte[][] payloads = Enumerable.Range(0, file.Contains("pairwise", StringComparison.Ordinal) ? TinyData.PairVideos : TinyData.Videos / 2)
                .Select(i => TinyData.Payload((file.Contains("pairwise", StringComparison.Ordinal) ? 2000 : 1000 + TinyData.Videos / 2) + i, tagged: true)).ToArray();
            payloads[0][payloads[0].Length / 2] ^= 1; // a bit of a frame
            TinyData.WriteRecords(file, payloads);
            Assert.Equal(bytes.Length, new FileInfo(file).Length);
        }
        else if (file.EndsWith("label.tsv", StringComparison.Ordinal))
        {
            File.WriteAllText(file, File.ReadAllText(file).Replace("\t0.", "\t0.0", StringComparison.Ordinal));
        }
        else
        {
            File.AppendAllText(file, file.EndsWith("vocab.txt", StringComparison.Ordinal) ? "新\n" : "987654\n");
        }
    }

    private double? Run(Device device, IProgressSink progress, CancellationToken cancellation) => Pretraining.Run(device,
        new RunOptions { OutputDirectory = At("run"), Preset = "micro", Model = "mix", Overrides = [.. TinyData.Overrides] }, new DataFolder(At("data")), progress, cancellation);

    private static void Begin(string folder, JsonObject arguments)
    {
        using var run = RunFolder.Open(folder, arguments);
        run.Begin(null, IProgressSink.None);
    }

    private string At(string name) => Path.Combine(_root, name);
}
