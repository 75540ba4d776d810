using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Training;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

/// <summary>Parts by one process or several: what each does, and that the results have the same bytes.</summary>
public sealed class PartTests(DoneReproduction done) : IClassFixture<DoneReproduction>, IDisposable
{
    private readonly CpuDevice _device = new(threads: 1);
    private readonly string _output = done.New();
    private readonly Notes _notes = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void RunAll_Parts_HaveRecordsAndNoClaims()
    {
        string[] names = [.. from model in new[] { "mix", "mix-asl" } from run in new[] { "fold-1", "fold-2", "pretrain" } select $"{model}.{run}.json"];
        Assert.Equal(names.Order(StringComparer.Ordinal), Directory.GetFiles(Path.Combine(done.Output, "parts")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(Enumerable.Range(1, 6).SelectMany(static i => new[] { $"part {i} of 6", $"part {i} of 6" }), done.Notes.Lines.Where(static line => line.StartsWith("part ", StringComparison.Ordinal)).Select(static line => line.Split(',')[0]));
        string summary = File.ReadAllText(Path.Combine(done.Output, "summary.json"));
        Assert.DoesNotContain("seconds", summary, StringComparison.Ordinal);
        Assert.DoesNotContain("cpu", summary, StringComparison.Ordinal);
    }

    [Fact]
    public void RunPart_EachAlone_GivesTheBytesOfOneProcess()
    {
        Assert.Equal("mix/fold-1 needs mix/pretrain, which is not done: run --part 1 first", Refused(() => Run().RunPart("mix/fold-1")));
        Assert.False(Directory.Exists(_output));
        Assert.EndsWith(": 6 of 6 parts are not done: 1 to 6 (mix/pretrain to mix-asl/fold-2)", Refused(() => Run().Collect()), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_output));
        foreach (string part in new[] { "2", "1", "mix-asl/fold-2", "3", "5" })
            Run().RunPart(part);
        Assert.EndsWith(": 1 of 6 parts are not done: 4 (mix/fold-2)", Refused(() => Run().Collect()), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_output, "result.zip")));
        Assert.Equal(["done", "done", "done", "free", "done", "done"], PartsPlan.Of(done.Options(_output), true, new Dictionary<(string, string), double>(), static more => more).Parts.Select(static part => part.State));
        Run().RunPart("4");
        _notes.Lines.Clear();
        Run().RunPart("4");
        Assert.Equal(["part 4 of 6, mix/fold-2: is done already"], _notes.Lines);
        Run().Collect();
        done.AssertSame(_output);
        Assert.EndsWith("seed was 5 and is 6; choose another --output-dir or the same arguments",
            Refused(() => new ReproductionRun(_device, done.Options(_output) with { Seed = 6 }, _notes, TimeProvider.System, default).RunPart("4")), StringComparison.Ordinal);
    }

    [Fact]
    public void RunFreeParts_TwoWorkers_GiveTheBytesOfOneProcess()
    {
        var notes = new[] { new WatchedNotes(), new WatchedNotes() };
        Parallel.ForEach(notes, new ParallelOptions { MaxDegreeOfParallelism = 2 }, mine =>
        {
            using var device = new CpuDevice(threads: 1);
            Assert.Empty(new ReproductionRun(device, done.Options(_output), mine, TimeProvider.System, default).RunFreeParts(Assert.Fail));
        });
        string[] begun = [.. notes.SelectMany(static one => one.Lines).Where(static line => line.EndsWith(": begins", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        Assert.Equal(6, begun.Length);
        Assert.Equal(begun, begun.Distinct());
        Assert.All(notes, static one => Assert.Equal("all 6 parts are done; the same command with --collect instead of --worker writes the results", one.Lines[^1]));
        Run().Collect();
        done.AssertSame(_output);
    }

    [Fact]
    public void RunAll_BesideAWorker_IsRefused_AndTheOtherWayRound()
    {
        Run().RunPart("1");
        using (RunLock.Take(_output, shared: true))
        {
            Assert.Contains($"{_output} is in use by", Refused(() => Run().RunAll()), StringComparison.Ordinal);
            Run().RunPart("2"); // parts share the folder
        }
        using (RunLock.Take(_output))
            Assert.Contains($"{_output} is in use by process {Environment.ProcessId}", Refused(() => Run().RunPart("3")), StringComparison.Ordinal);
    }

    // As on a file system without locks: only the claims tell.
    [Fact]
    public void RunAll_BesideAClaim_IsRefused_UnlessItsProcessHasEnded()
    {
        string claims = Path.Combine(_output, "parts"), unfinished = Path.Combine(_output, ".tmp-summary.json-0123456789abcdef"), elsewhere = Path.Combine(claims, "mix.fold-1.claim-1");
        Run().RunPart("1");
        File.WriteAllText(unfinished, "of a worker");
        // A worker may do more folds.
        using (var claim = new ClaimFolder(claims, TimeProvider.System).TryTake("mix.fold-9", TimeSpan.FromSeconds(1))!)
        {
            Assert.Equal($"{_output} is in use by {Environment.MachineName} (process {Environment.ProcessId}): it has the claim mix.fold-9.claim-1", Refused(() => Run().RunAll()));
            claim.Delete();
        }
        Assert.True(File.Exists(unfinished));
        File.WriteAllText(elsewhere, """{"token":"other","generation":1,"owner":{"host":"elsewhere","process":7,"machine":null,"started":0},"takeover_seconds":2,"released":false,"beat":0}""");
        Run().RunAll();
        Assert.Single(_notes.Lines, "waiting: elsewhere (process 7) has the claim mix.fold-1.claim-1; if it has ended, this process goes on");
        Assert.False(File.Exists(unfinished));
        done.AssertSame(_output);
    }

    // Two of the parts cannot be done; the others are.
    [Fact]
    public void RunFreeParts_PartThatFails_IsNotTriedAgain()
    {
        Run().RunPart("2");
        File.Delete(Path.Combine(_output, "mix-asl", "pretrain", "last", "model.safetensors"));
        var failures = new List<string>();
        Assert.Equal(["mix-asl/fold-1", "mix-asl/fold-2"], Run().RunFreeParts(failures.Add).Select(static part => part.Name));
        Assert.Equal(2, failures.Count);
        Assert.StartsWith("mix-asl/fold-1: ", failures[0], StringComparison.Ordinal);
        Assert.EndsWith(": 2 of 6 parts are not done: 5 to 6 (mix-asl/fold-1 to mix-asl/fold-2)", Refused(() => Run().Collect()), StringComparison.Ordinal);
    }

    // Another process takes the part over while this one trains. It ends, so this one takes the part again.
    [Theory]
    [InlineData("step 0, validation")] // before the first checkpoint
    [InlineData("work: mix pretrain")] // before the first log line
    [InlineData("part 1 of 6, mix/pretrain: begins")] // before the training
    [InlineData("mix, random weights")] // between the embeddings
    public void RunFreeParts_PartThatWasTakenOver_StopsBeforeTheNextWrite(string moment)
    {
        string claims = Path.Combine(_output, "parts"), lost = "mix/pretrain: elsewhere (process 7) has taken this part over; this worker stops it";
        string[] left = [];
        var notes = new WatchedNotes();
        notes.OnNote = line =>
        {
            if (line.Contains(moment, StringComparison.Ordinal) && File.Exists(Claim(1)))
            {
                File.Move(Claim(1), Claim(2));
                Change(Claim(2), static claim => (claim["token"], claim["generation"], claim["owner"]) = ("other", 2, new JsonObject { ["host"] = "elsewhere", ["process"] = 7, ["machine"] = null, ["started"] = 0 }));
                left = Files();
            }
            else if (line == lost)
            {
                Assert.Equal(left, Files());
                Change(Claim(2), static claim => claim["released"] = true);
            }
        };
        Assert.Empty(new ReproductionRun(_device, done.Options(_output), notes, TimeProvider.System, default).RunFreeParts(Assert.Fail));
        Assert.Equal([lost], notes.Warnings);
        Assert.Equal(2, notes.Lines.Count(static line => line == "part 1 of 6, mix/pretrain: begins"));
        Run().Collect();
        done.AssertSame(_output);

        string Claim(int generation) => Path.Combine(claims, $"mix.pretrain.claim-{generation}");

        string[] Files() => [.. Directory.GetFiles(_output, "*", SearchOption.AllDirectories).Where(file => !file.StartsWith(claims, StringComparison.Ordinal) && Path.GetFileName(file) is not (".lock" or ".lock-owner"))
            .Select(static file => $"{file} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))}").Order(StringComparer.Ordinal)];

        static void Change(string file, Action<JsonNode> change)
        {
            var claim = JsonNode.Parse(File.ReadAllText(file))!;
            change(claim);
            File.WriteAllText(file, claim.ToJsonString());
        }
    }

    // A stopped process keeps the lock of the run that it has lost.
    [Fact]
    public void Break_LockOfAStoppedProcess_BelongsToTheNextOwner()
    {
        Directory.CreateDirectory(_output);
        var stopped = RunLock.Take(_output);
        Assert.Throws<DataException>(() => RunLock.Take(_output));
        RunLock.Break(_output);
        using (RunLock.Take(_output))
        {
            stopped.Dispose();
            Assert.Equal([".lock", ".lock-owner"], Directory.GetFiles(_output).Select(Path.GetFileName).Order(StringComparer.Ordinal));
            Assert.Throws<DataException>(() => RunLock.Take(_output));
        }
    }

    [Fact]
    public void Break_LockThatCannotBeDeleted_IsNamed()
    {
        string file = Path.Combine(_output, ".lock");
        Directory.CreateDirectory(file);
        Assert.StartsWith($"{file}: cannot be written: ", Refused(() => RunLock.Break(_output)), StringComparison.Ordinal);
    }

    [Fact]
    public void RunPart_AnotherKindOfMachine_IsAWarning()
    {
        Run().RunPart("1");
        SetMachine("pretrain");
        _notes.Lines.Clear();
        Run().RunPart("3");
        Assert.Single(_notes.Lines, $"mix/fold-1: warning: it continues on {ThisCpu} after cpu (Arm64); bits can differ");
        Assert.Empty(Run().RunFreeParts(Assert.Fail));
        Assert.DoesNotContain(_notes.Lines, static line => line.Contains("mix-asl", StringComparison.Ordinal) && line.Contains("warning", StringComparison.Ordinal));
        AssertMixed($"mix/pretrain on {ThisCpu} after cpu (Arm64)", $"mix/fold-1 on {ThisCpu} after cpu (Arm64)", $"mix/fold-2 on {ThisCpu} after cpu (Arm64)");
    }

    // The first process ends after the training, and before the part's record is written.
    [Fact]
    public void RunPart_OnlyEmbeddingsByAnotherVersion_IsAWarning()
    {
        var notes = new WatchedNotes
        {
            OnNote = static line =>
            {
                if (line.StartsWith("mix, pretrained", StringComparison.Ordinal))
                    throw new OperationCanceledException();
            },
        };
        Assert.Throws<OperationCanceledException>(() => new ReproductionRun(_device, done.Options(_output), notes, TimeProvider.System, default).RunPart("1"));
        SetMachine("pretrain", "0.0.1");
        Run().RunPart("1");
        string change = $"on {ThisCpu} after cpu (Arm64)", version = $"on {MadeBy.This(_device).Program} after {MadeBy.ProgramOf("0.0.1", Surroundings.Commit)}";
        Assert.Single(_notes.Lines, $"mix/pretrain: warning: it continues {change} and {version}; bits can differ");
        Assert.Empty(Run().RunFreeParts(Assert.Fail));
        AssertMixed([.. from run in new[] { "pretrain", "fold-1", "fold-2" } from text in new[] { change, version } select $"mix/{run} {text}"]);
    }

    private static string ThisCpu => $"cpu ({RunSession.ThisArchitecture})";

    // Another machine has trained a run of mix.
    private void SetMachine(string run, string? version = null)
    {
        string file = Path.Combine(_output, "mix", run, "environment.json");
        var environment = JsonNode.Parse(File.ReadAllText(file))!;
        environment["sessions"]![0]!["architecture"] = "Arm64";
        environment["sessions"]![0]!["version"] = version ?? Surroundings.Version;
        File.WriteAllText(file, environment.ToJsonString());
    }

    private void AssertMixed(params string[] parts)
    {
        Run().Collect();
        Assert.Single(_notes.Lines, $"{_output}: warning: between kinds of machines and versions of the program bits can differ: {string.Join(", ", parts)}");
        var timing = JsonNode.Parse(File.ReadAllText(Path.Combine(_output, "timing.json")))!;
        Assert.Equal(parts, timing["mixed"]!.AsArray().Select(static part => (string)part!));
    }

    private ReproductionRun Run() => new(_device, done.Options(_output), _notes, TimeProvider.System, TestContext.Current.CancellationToken);

    private static string Refused(Action action) => Assert.Throws<DataException>(action).Message;
}
