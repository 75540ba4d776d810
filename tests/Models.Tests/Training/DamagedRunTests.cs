using System.Diagnostics;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>Runs with damaged files, and runs whose arguments change.</summary>
public sealed class DamagedRunTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    [Theory]
    [InlineData("5")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("""{"step":"x","val_spearman":"y"}""")]
    [InlineData("""{"step":1,"step":2}""")]
    public void Metrics_WithALineOfAnotherKind_NameTheFile(string line)
    {
        string run = runs.CopyOfPretrained($"metrics-{string.Concat(line.Where(char.IsLetterOrDigit))}"), file = Path.Combine(run, "metrics.jsonl");
        File.WriteAllText(file, line + "\n");
        Assert.Contains(file, Assert.Throws<DataException>(() => RunMetrics.Series(run, "val_spearman")).Message, StringComparison.Ordinal);
        Assert.False(RunMetrics.HasSteps(run));
        if (!line.Contains("val_spearman", StringComparison.Ordinal))
            Assert.StartsWith($"{file}: line 1", Assert.Throws<DataException>(() => RunMetrics.All(run)).Message, StringComparison.Ordinal);
        Unfinish(run);
        Assert.StartsWith($"{file}: has {line.Length + 1} bytes, but had ", Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run)).Message, StringComparison.Ordinal);
        Assert.Equal(line + "\n", File.ReadAllText(file));
    }

    [Fact]
    public void Metrics_Gone_AreAnErrorBeforeTheTraining()
    {
        string run = runs.CopyOfPretrained("metrics-gone"), file = Path.Combine(run, "metrics.jsonl");
        File.Delete(file);
        Unfinish(run);
        Assert.StartsWith($"{file}: has 0 bytes, but had ", Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(file));
    }

    // It changes no result.
    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"sessions":null}""")]
    [InlineData("""{"sessions":[null]}""")]
    [InlineData("""{"sessions":5}""")]
    [InlineData("torn")]
    public void Environment_Damaged_BeginsAnewWithANote(string content)
    {
        string run = runs.CopyOfPretrained($"environment-{string.Concat(content.Where(char.IsLetterOrDigit))}-{content.Length}"), file = Path.Combine(run, "environment.json");
        File.WriteAllText(file, content);
        Unfinish(run);
        var notes = new Notes();
        TinyRun.Pretrain(runs.Data, run, [], notes);
        Assert.Contains(notes.Lines, note => note.StartsWith($"{file}: ", StringComparison.Ordinal) && note.EndsWith("; the file begins anew", StringComparison.Ordinal));
        Assert.Single(JsonNode.Parse(File.ReadAllText(file))!["sessions"]!.AsArray());
        Folders.AssertEqual(runs.Pretrained, run);
    }

    [Theory]
    [InlineData("timing.jsonl")]
    [InlineData("metrics.jsonl")]
    public void FileOfLines_ThatIsAFolder_IsNamed(string name)
    {
        string run = runs.CopyOfPretrained($"folder-{name}"), file = Path.Combine(run, name);
        File.Delete(file);
        Directory.CreateDirectory(file);
        Directory.Delete(Path.Combine(run, "last"), recursive: true);
        foreach (string checkpoint in Directory.GetDirectories(run, "checkpoint-*"))
            Directory.Delete(checkpoint, recursive: true);
        Assert.Equal($"{file}: cannot be written: it is a folder", Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run)).Message);
    }

    [Fact]
    public void Timing_ThatIsAPipe_IsNamed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there is no mkfifo");
        string run = runs.CopyOfPretrained("pipe"), file = Path.Combine(run, "timing.jsonl");
        Unfinish(run);
        File.Delete(file);
        using (var made = Process.Start("mkfifo", [file]))
            made.WaitForExit();
        Assert.Equal($"{file}: is a device or a pipe, not a file", Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run)).Message);
    }

    // The checkpoint is whole, so the advice to delete it would harm.
    [Fact]
    public void Checkpoint_ThatMustNotBeRead_IsNamedWithoutAdvice()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "rights of files do not bind this user");
        if (OperatingSystem.IsWindows())
            return; // it has no such rights
        string run = runs.CopyOfPretrained("rights");
        Unfinish(run);
        foreach (string name in new[] { "trainer_state.json", "model.safetensors", "vocab.txt" })
        {
            string file = Path.Combine(run, "checkpoint-20", name);
            var mode = File.GetUnixFileMode(file);
            File.SetUnixFileMode(file, UnixFileMode.None);
            Assert.Equal($"{file}: cannot be read: access is denied", Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run)).Message);
            File.SetUnixFileMode(file, mode);
        }
    }

    [Fact]
    public void Best_Gone_IsSaidWhenTheRunEndsAndWhenItIsUsed()
    {
        string run = runs.CopyOfPretrained("no-best"), best = Path.Combine(run, "best");
        Unfinish(run);
        Directory.Delete(best, recursive: true);
        var notes = new Notes();
        TinyRun.Pretrain(runs.Data, run, [], notes);
        long? step = RunCheckpoints.ReadNewest(run).BestStep;
        Assert.Contains(notes.Lines, line => line.EndsWith($"the last model is {Path.Combine(run, "last")}; the best, of step {step}, is gone", StringComparison.Ordinal));
        Assert.DoesNotContain(notes.Lines, line => line.Contains(best, StringComparison.Ordinal));
        Assert.Equal(Path.Combine(run, "last"), UsableModel.OpenBest(run, null, notes).FolderPath);
        Assert.Contains($"{run}: warning: the best model, of step {step}, is gone; the last one is used", notes.Warnings);
    }

    // 8 GB take seconds to hash; they are not on the disk.
    [Theory]
    [InlineData("config.json", "it has more than 64 MB, the limit of a file of this kind")]
    [InlineData("model.safetensors", "")]
    public void FileOfAModel_MuchLarger_IsRefusedBeforeItIsRead(string name, string expected)
    {
        string model = Path.Combine(runs.CopyOfPretrained($"large-{name}"), "last"), file = Path.Combine(model, name);
        using (var stream = new FileStream(file, FileMode.Open))
            stream.SetLength(8L << 30);
        string message = Assert.Throws<DataException>(() => ModelFolder.Open(model)).Message;
        Assert.StartsWith($"{file}: has changed since {model} was written: {expected}", message, StringComparison.Ordinal);
        Assert.DoesNotContain("SHA-256", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("checksums.json", "cannot be read: it is a folder")]
    [InlineData("README.md", "is a folder, but checksums.json lists a file")]
    public void FileOfAModel_ThatIsAFolder_IsNamed(string name, string expected)
    {
        string model = Path.Combine(runs.CopyOfPretrained($"folder-{name}"), "last"), file = Path.Combine(model, name);
        File.Delete(file);
        Directory.CreateDirectory(file);
        Assert.StartsWith($"{file}: {expected}", Assert.Throws<DataException>(() => ModelFolder.Open(model)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("stop", "log_every", null)]
    [InlineData("stop", "checkpoint_every", null)]
    [InlineData("rollback", "save_total_limit", null)]
    [InlineData("rollback", "log_every", "pretrain.log_every was 5 and is 7")]
    [InlineData("rollback", "checkpoint_every", "pretrain.checkpoint_every was 5 and is 7")]
    public void Change_OfAFreeKey_CountsWhereARollbackDependsOnIt(string onNan, string key, string? difference) =>
        Assert.Equal(difference, RunChange.Of(Recipe(onNan, key, 5), Recipe(onNan, key, 7)).Refusal);

    [Fact]
    public void Change_FromStopToRollback_IsAllowedAndBackIsNot()
    {
        Assert.Null(RunChange.Of(Recipe("stop"), Recipe("rollback")).Refusal);
        Assert.Equal("pretrain.on_nan was \"rollback\" and is \"stop\"", RunChange.Of(Recipe("rollback"), Recipe("stop")).Refusal);
    }

    // The first text is longer than what a message shows of a value.
    [Fact]
    public void Change_OfAReproduction_NamesTheKey()
    {
        string[] same = [.. Enumerable.Range(0, 20).Select(static i => $"model.size_{i}=1")];
        Assert.Equal("set.pretrain.rate was \"0.1\" and is \"0.2\"", RunChange.Of(Set([.. same, "pretrain.rate=0.1"]), Set([.. same, "pretrain.rate=0.2"])).Refusal);
        Assert.Equal("set.pretrain.rate was absent and is \"0.2\"", RunChange.Of(Set(same), Set([.. same, "pretrain.rate=0.2"])).Refusal);
        Assert.Null(RunChange.Of(Set(same), Set([.. same, "pretrain.log_every=2", "finetune.on_nan=rollback"])).Refusal);
        string path = new('p', 150);
        Assert.Equal($"data was \"{path}1\" and is \"{path}2\"", RunChange.Of(new JsonObject { ["data"] = path + 1 }, new JsonObject { ["data"] = path + 2 }).Refusal);

        static JsonObject Set(string[] texts) => new() { ["set"] = new JsonArray([.. texts.Select(static text => (JsonNode)text)]) };
    }

    private static JsonObject Recipe(string onNan, string key = "log_every", int value = 5) =>
        new() { ["command"] = "pretrain", ["pretrain"] = new JsonObject { ["steps"] = 20, ["on_nan"] = onNan, [key] = value } };

    // As if it had been killed before the last model was written.
    private static void Unfinish(string run) => Directory.Delete(Path.Combine(run, "last"), recursive: true);
}
