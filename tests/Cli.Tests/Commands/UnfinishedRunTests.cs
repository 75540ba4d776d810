using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Commands that are given a run that was interrupted, or that is complete already.</summary>
[Collection(nameof(CommandTests))]
public sealed class UnfinishedRunTests(CommandWorld world)
{
    [Fact]
    public void Run_Interrupted_IsNamedByTheCommandsThatUseIt()
    {
        string run = Interrupted(), output = world.New() + ".npy", onnx = world.New() + ".onnx";
        string note = $"{run} is not finished (step 1 of 2); the command that began it continues it";
        string[] embed = CommandWorld.Embed(run, Path.Combine(world.Data, "test_b"), output), export = ["export", "--checkpoint", run, "--onnx", onnx];
        foreach (string[] command in new[] { embed, export })
        {
            var outcome = Shell.RunAloud(command);
            Assert.Equal(0, outcome.ExitCode);
            Assert.StartsWith(note + "\n", outcome.Error, StringComparison.Ordinal);
        }
        Shell.Run(CommandWorld.Finetune(world.Data, run, world.New())).AssertFailed(1, note);
        Shell.Run("inspect", "--step", "--checkpoint", run, "--records", Path.Combine(world.Data, "test_b"), "--output", world.New() + ".safetensors").AssertFailed(1, note);

        Directory.Delete(Path.Combine(run, "best"), recursive: true);
        File.Delete(output);
        foreach (string[] command in new[] { embed, export })
            Shell.Run(command).AssertFailed(1, $"{note}; it has no model yet");
        Assert.False(File.Exists(output));
    }

    // A pretraining that was killed before its first validation has only random weights.
    [Fact]
    public void Pretraining_BeforeItsFirstValidation_HasNoBestModel()
    {
        string run = world.New();
        Shell.Run(CommandWorld.Pretrain(world.Data, run, "--set", "pretrain.rate=1e38", "--set", "pretrain.weight_decay=1e10")).AssertFailed(1, "is not finite");
        Assert.True(Directory.Exists(Path.Combine(run, "checkpoint-0")));
        Assert.False(Directory.Exists(Path.Combine(run, "best")));
        Shell.Run(CommandWorld.Embed(run, Path.Combine(world.Data, "test_b"), world.New() + ".npy")).AssertFailed(1, $"{run} is not finished (step ", "it has no model yet");
    }

    [Fact]
    public void Run_Complete_SaysSo()
    {
        var outcome = Shell.RunAloud(CommandWorld.Pretrain(world.Data, world.Pretrained));
        string run = world.Pretrained;
        Assert.Equal(0, outcome.ExitCode);
        Assert.EndsWith($"{run}: already finished at step 2; the best model is {Path.Combine(run, "best")}, the last is {Path.Combine(run, "last")}\n", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_Overwritten_HasTheNewArguments()
    {
        string run = world.CopyOfRun();
        string[] other = [.. CommandWorld.Pretrain(world.Data, run), "--set", "pretrain.rate=0.002"];
        Shell.Run(other).AssertFailed(1, run, "pretrain.rate was", "--overwrite-output-dir");
        Shell.Run([.. other, "--overwrite-output-dir", "--on-nan", "rollback"]).AssertDone();
        Assert.Contains("\"on_nan\": \"rollback\"", File.ReadAllText(Path.Combine(run, "args.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Folds_IntoTheFolderOfOneRun_AreRefused()
    {
        string run = world.CopyOfRun();
        Shell.Run([.. CommandWorld.Finetune(world.Data, world.Pretrained, run, "--fold", "all"), "--overwrite-output-dir"]).AssertFailed(1, $"{run} has a run itself");
        Assert.False(Directory.Exists(Path.Combine(run, "fold-1")));
    }

    [Fact]
    public void Run_ThatWouldLoseItsConfig_StaysAsItIs()
    {
        string run = world.CopyOfRun(), config = Path.Combine(run, "checkpoint-0", "mine.json");
        File.WriteAllText(config, "{}");
        Shell.Run([.. CommandWorld.Pretrain(world.Data, run), "--config", config, "--overwrite-output-dir"]).AssertFailed(1, $"--config: {config} would be deleted with the run in {run}");
        Assert.True(File.Exists(config));
    }

    // The state after step 1 of 2, as an interruption leaves it.
    private string Interrupted()
    {
        string run = world.CopyOfRun();
        Directory.Delete(Path.Combine(run, "last"), recursive: true);
        Directory.Delete(Path.Combine(run, "checkpoint-2"), recursive: true);
        return run;
    }
}
