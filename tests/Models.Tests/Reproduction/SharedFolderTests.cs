using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

/// <summary>
/// Parts and workers in a folder that is half deleted, half begun or moved, and workers with a part that fails.
/// </summary>
public sealed class SharedFolderTests(DoneReproduction done) : IClassFixture<DoneReproduction>, IDisposable
{
    private readonly CpuDevice _device = new(threads: 1);
    private readonly string _output = done.New();
    private readonly WatchedNotes _notes = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void RunFreeParts_AfterAnInterruptedDeletion_BeginsAnew()
    {
        Folders.Copy(done.Output, _output);
        string arguments = Path.Combine(_output, RunFolder.Arguments);
        File.WriteAllText(arguments, """{"command":"reproduce","data":"x","deleting":true}""");
        Directory.Delete(Path.Combine(_output, "mix", "fold-1"), recursive: true);
        string refusal = $"{_output}: --overwrite-output-dir was interrupted and has left old results; start a worker or the whole command, which deletes them and begins";
        Assert.Equal(refusal, Refused(() => Run(seed: 6).RunPart("1")));
        Assert.Equal(refusal, Refused(() => Run(seed: 6).Collect()));
        Assert.Equal(refusal, Refused(() => PartsPlan.Of(done.Options(_output), true, new Dictionary<(string, string), double>(), static more => more)));
        Assert.Empty(Run(seed: 6).RunFreeParts(Assert.Fail));
        Assert.Equal(6, _notes.Lines.Count(static line => line.EndsWith(": begins", StringComparison.Ordinal)));
        Assert.Equal(6, (int)JsonNode.Parse(File.ReadAllText(arguments))!["seed"]!);
        Assert.False(File.Exists(Path.Combine(_output, ReproductionLayout.Submission)));
    }

    // It has looked before the other process wrote args.json.
    [Fact]
    public void RunPart_WaitForTheBeginByOtherArguments_IsRefused()
    {
        string claim = WriteClaimOfAnother("begin", 1);
        _notes.OnNote = line =>
        {
            if (line != $"waiting: elsewhere (process 7) begins {_output}")
                return;
            File.Delete(claim);
            new ReproductionRun(_device, done.Options(_output), IProgressSink.None, TimeProvider.System, default).RunPart("2");
        };
        Assert.StartsWith($"{_output} has a run with other arguments: seed was 5 and is 6; ", Refused(() => Run(seed: 6).RunPart("1")), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_output, "mix")));
    }

    [Fact]
    public void RunPart_DamagedClaim_IsNamed()
    {
        string claim = WriteClaimOfAnother("mix.pretrain", 1);
        File.WriteAllText(claim, "{");
        _notes.OnNote = line =>
        {
            if (line == $"waiting: another process, whose claim {claim} cannot be read, does mix/pretrain")
                File.Delete(claim);
        };
        Run().RunPart("1");
        Assert.False(File.Exists(claim));
    }

    // It was stopped for so long that another process has taken over the begin, and has not ended it.
    [Fact]
    public void RunPart_BeginThatWasTakenOver_WaitsForTheOtherProcess()
    {
        string own = Path.Combine(_output, "parts", "begin.claim-1"), other = "";
        _notes.OnNote = line =>
        {
            if (line == "work: reading records, MB" && other.Length == 0 && File.Exists(own))
            {
                File.Delete(own);
                other = WriteClaimOfAnother("begin", 2);
            }
            else if (line == $"waiting: elsewhere (process 7) begins {_output}")
            {
                Assert.False(File.Exists(Path.Combine(_output, RunFolder.Arguments)));
                File.Delete(other);
            }
        };
        Run().RunPart("1");
        Assert.Single(_notes.Lines, $"{_output}: another process has taken over the begin; this one stops it");
        Assert.True(File.Exists(Path.Combine(_output, "parts", "mix.pretrain.json")));
    }

    // What has the path afterwards belongs to others.
    [Theory]
    [InlineData("worker", "moved")]
    [InlineData("worker", "deleted")]
    [InlineData("worker", "another")]
    [InlineData("part", "moved")]
    [InlineData("all", "moved")]
    public void Folder_NotTheSame_EndsTheWork(string way, string what)
    {
        if (way != "all")
            new ReproductionRun(_device, done.Options(_output), IProgressSink.None, TimeProvider.System, default).RunPart("2"); // it begins the folder
        string moved = _output + ".moved";
        bool isMoved = false;
        _notes.OnNote = line =>
        {
            if (isMoved || !line.Contains("step 0, validation", StringComparison.Ordinal))
                return;
            isMoved = true;
            Directory.Move(_output, moved);
            if (what == "deleted")
                Directory.Delete(moved, recursive: true);
            if (what == "another")
                Folders.Copy(done.Output, _output);
        };
        string error = Refused(way switch
        {
            "worker" => () => Run().RunFreeParts(Assert.Fail),
            "part" => () => Run().RunPart("1"),
            _ => () => Run().RunAll(),
        });
        Assert.Equal($"{_output}: was moved, deleted or replaced while the run goes on; the run ends, and nothing more is written", error);
        Assert.DoesNotContain(_notes.Lines, static line => line.Contains("taken", StringComparison.Ordinal));
        if (what == "another")
            Folders.AssertEqual(done.Output, _output);
        else
            Assert.False(Directory.Exists(_output));
        if (way != "part")
            return;
        // It goes on where the folder is now. The claim there is that of a process that has ended.
        File.Delete(Path.Combine(moved, "parts", "mix.pretrain.claim-1"));
        Assert.Empty(Run(moved).RunFreeParts(Assert.Fail));
        Run(moved).Collect();
        done.AssertSame(moved);
    }

    [Fact]
    public void RunFreeParts_PartsThatFailInAnyWay_DoNotEndTheOthers()
    {
        _notes.OnNote = static line =>
        {
            if (line == "part 3 of 6, mix/fold-1: begins")
                throw new InsufficientMemoryException("no room");
            if (line == "part 4 of 6, mix/fold-2: begins")
                throw new KernelCompilationException("unit", "sm_90", "line 1");
            if (line == "part 5 of 6, mix-asl/fold-1: begins")
                throw new IOException("no disk");
        };
        var failures = new List<string>();
        Assert.Equal([3, 4, 5], Run().RunFreeParts(failures.Add).Select(static part => part.Index));
        Assert.Equal(["mix/fold-1: no room", "mix/fold-2: unit does not compile for sm_90: line 1", "mix-asl/fold-1: no disk"], failures);
        Assert.Contains("part 6 of 6, mix-asl/fold-2: done", _notes.Lines);
    }

    [Fact]
    public void RunFreeParts_GpuThatIsLost_EndsAndNamesThePart()
    {
        _notes.OnNote = static line =>
        {
            if (line.EndsWith(": begins", StringComparison.Ordinal))
                throw new CudaException("cuLaunchKernel", 719, "lost", null, null);
        };
        Assert.Equal("mix/pretrain: cuLaunchKernel failed with 719 (lost)", Refused(() => Run().RunFreeParts(Assert.Fail)));
        _notes.OnNote = static _ => { };
        Run().RunPart("1"); // the claim was given up
    }

    private ReproductionRun Run(string? output = null, ulong seed = 5) => new(_device, done.Options(output ?? _output) with { Seed = seed }, _notes, TimeProvider.System, TestContext.Current.CancellationToken);

    private static string Refused(Action action) => Assert.Throws<DataException>(action).Message;

    private string WriteClaimOfAnother(string work, int generation)
    {
        string file = Path.Combine(_output, "parts", $"{work}.claim-{generation}");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, $$$"""{"token":"other","generation":{{{generation}}},"owner":{"host":"elsewhere","process":7,"machine":null,"started":0},"takeover_seconds":60,"released":false,"beat":0}""");
        return file;
    }
}
