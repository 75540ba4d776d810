using System.Text.Json.Nodes;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Flags, --set and --config of the commands that train: their order, their notes and their errors.</summary>
[Collection(nameof(CommandTests))]
public sealed class RecipeOptionsTests(CommandWorld world)
{
    // The value of each flag, and the keys that it sets.
    private static readonly (string Flag, string Value, string[] Keys)[] Flags =
    [
        ("--batch-size", "3", ["batch"]), ("--learning-rate", "0.002", ["rate"]), ("--encoder-learning-rate", "0.003", ["encoder_rate"]), ("--max-steps", "1", ["steps", "encoder_schedule_steps"]),
        ("--warmup-steps", "0", ["warmup", "encoder_warmup"]), ("--weight-decay", "0.01", ["weight_decay"]), ("--max-grad-norm", "1.5", ["max_grad_norm"]),
        ("--gradient-accumulation-steps", "1", ["gradient_accumulation_steps"]), ("--eval-steps", "7", ["evaluate_every"]), ("--save-steps", "8", ["checkpoint_every"]), ("--logging-steps", "9", ["log_every"]),
        ("--save-total-limit", "3", ["save_total_limit"]), ("--early-stopping-patience", "4", ["early_stopping_patience"]), ("--on-nan", "rollback", ["on_nan"]), ("--precision", "fp32", ["precision"]),
    ];

    // A run of one step, in both commands: every flag is one key of args.json, and nothing else changes.
    [Theory]
    [InlineData("pretrain")]
    [InlineData("finetune")]
    public void Flags_AllGiven_AreTheKeysOfTheirStage(string stage)
    {
        Assert.Equal(ConfigKeys.Training.Where(static key => key.Flag is not null).Select(static key => key.Flag!).Distinct().Order(), Flags.Select(static flag => flag.Flag).Order());
        string output = world.New();
        string[] command = stage == "pretrain" ? CommandWorld.Pretrain(world.Data, output) : CommandWorld.Finetune(world.Data, world.Pretrained, output);
        Shell.Run([.. command, .. Flags.SelectMany(static flag => new[] { flag.Flag, flag.Value })]).AssertDone();
        var arguments = Arguments(output);
        foreach (var (flag, value, keys) in Flags)
            Assert.All(keys, key => Assert.Equal((flag, value), (flag, arguments[stage]![key]!.ToString())));
        Assert.Equal("10", arguments[stage]!["losses"]!["consistency_weight"]!.ToString());
    }

    // A file may serve both stages, so its keys are not named.
    [Fact]
    public void Set_KeyOfTheOtherStage_IsNamedOnce()
    {
        string file = Config("""{"finetune": {"rate": 0.01}}""");
        var outcome = Shell.RunAloud([.. CommandWorld.Pretrain(world.Data, world.New(), "--config", file), "--set", "finetune.steps=30", "--set", "finetune.log_every=2"]);
        Assert.Equal(0, outcome.ExitCode);
        string note = Assert.Single(outcome.Error.Split('\n'), static line => line.Contains("has no effect", StringComparison.Ordinal));
        Assert.StartsWith("--set finetune.", note, StringComparison.Ordinal);
        Assert.EndsWith(": has no effect, because this command is pretrain, not finetune", note, StringComparison.Ordinal);
        Assert.Single(note.Split(", "), static key => key == "finetune.log_every" || key.StartsWith("finetune.log_every:", StringComparison.Ordinal));
        Assert.DoesNotContain("finetune.rate", note, StringComparison.Ordinal);
    }

    [Fact]
    public void Sources_OfOneKey_CountInTheirOrder()
    {
        string file = Config("""{"preset": "micro", "seed": 5, "pretrain": {"batch": 2, "rate": 0.01, "steps": 2, "log_every": 1}, "model": {"vlad_expansion": 1}}"""), output = world.New();
        string[] pretrain = ["pretrain", "--model", "mix", "--data", world.Data, "--threads", "1", "--config", file, "--set", "pretrain.rate=0.02", "--set", "pretrain.encoder_rate=0.02", "--encoder-learning-rate", "0.03"];
        var outcome = Shell.RunAloud([.. pretrain, "--output-dir", output]);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains($"--set pretrain.rate=0.02 is used, not {file}: pretrain.rate=0.01\n", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("--encoder-learning-rate=0.03 is used, not --set pretrain.encoder_rate=0.02\n", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("pretrain.steps is 2, not 20 as in the preset; these follow: pretrain.encoder_schedule_steps=2, pretrain.encoder_warmup=0, pretrain.warmup=0\n", outcome.Error, StringComparison.Ordinal);
        var arguments = Arguments(output);
        var recipe = arguments["pretrain"]!;
        Assert.Equal(("micro", 5, 2, 0.02, 0.03, 2), ((string)arguments["preset"]!, (int)arguments["seed"]!, (int)recipe["batch"]!, (double)recipe["rate"]!, (double)recipe["encoder_rate"]!, (int)recipe["steps"]!));
        // The same values without the file are the same run.
        File.Delete(file);
        Shell.Run("pretrain", "--model", "mix", "--data", world.Data, "--threads", "1", "--output-dir", output, "--preset", "micro", "--seed", "5", "--batch-size", "2", "--learning-rate", "0.02", "--max-steps", "2",
            "--logging-steps", "1", "--encoder-learning-rate", "0.03", "--set", "model.vlad_expansion=1").AssertDone();
        // The command line counts before the file.
        File.WriteAllText(file, """{"preset": "reference", "seed": 6, "pretrain": {"batch": 3, "steps": 2, "log_every": 1}, "model": {"vlad_expansion": 1}}""");
        outcome = Shell.RunAloud([.. pretrain, "--preset", "micro", "--seed", "5", "--batch-size", "2", "--output-dir", output]);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains($"--preset micro is used, not {file}: preset=reference\n", outcome.Error, StringComparison.Ordinal);
        Assert.Contains($"--seed 5 is used, not {file}: seed=6\n", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Epochs_OfTheData_AreSteps()
    {
        // 40 videos in batches of 4: 10 updates an epoch.
        var outcome = Shell.RunAloud([.. Base(out string output), "--num-train-epochs", "0.15", "--warmup-ratio", "0.5"]);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("pretrain: 0.15 epochs of 40 samples in updates of 4: pretrain.steps is 2\n", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("pretrain: a warmup of 0.5 of 2 updates: pretrain.warmup is 1, pretrain.encoder_warmup is 1\n", outcome.Error, StringComparison.Ordinal);
        Assert.Equal((2, 1, 1, 2), Schedule(output, "pretrain"));
        Shell.Run([.. Base(out _)[..^1], output, "--num-train-epochs", "0.15", "--warmup-ratio", "0.5"]).AssertDone(); // it is complete
        // 50 training pairs of the fold in batches of 4.
        string finetuned = world.New();
        Shell.Run(["finetune", "--model", "mix", "--preset", "micro", "--threads", "1", "--data", world.Data, "--pretrained", world.Pretrained, "--fold", "1", "--num-train-epochs", "1", "--output-dir", finetuned]).AssertDone();
        Assert.Equal((TinyData.Pairs - Folds.ValidationSize(TinyData.Pairs)) / 4, Schedule(finetuned, "finetune").Steps);
    }

    [Fact]
    public void StrongerFlags_WinAndSaySo()
    {
        var outcome = Shell.RunAloud([.. Base(out string output), "--max-steps", "2", "--num-train-epochs", "3", "--warmup-steps", "1", "--warmup-ratio", "0.5"]);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("--max-steps 2 is used, not --num-train-epochs 3\n", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("--warmup-steps 1 is used, not --warmup-ratio 0.5\n", outcome.Error, StringComparison.Ordinal);
        Assert.Equal((2, 1, 1, 2), Schedule(output, "pretrain"));
        Assert.Contains("--num-train-epochs 0.1 is used, not --set pretrain.steps=9\n",
            Shell.RunAloud([.. Base(out _), "--num-train-epochs", "0.1", "--set", "pretrain.steps=9"]).Error, StringComparison.Ordinal);
    }

    // Bad records are no samples of an epoch.
    [Fact]
    public void Epochs_WithSkippedRecords_CountWhatIsLeft()
    {
        string data = world.CopyOfData();
        string file = Directory.GetFiles(Path.Combine(data, "pointwise")).Order(StringComparer.Ordinal).First();
        byte[] bytes = File.ReadAllBytes(file);
        bytes[^20] ^= 1;
        File.WriteAllBytes(file, bytes);
        string[] command = Base(out string output);
        command[Array.IndexOf(command, "--data") + 1] = data;
        Shell.Run([.. command, "--num-train-epochs", "1", "--batch-size", "13", "--skip-bad-records"]).AssertDone();
        Assert.Equal(3, Schedule(output, "pretrain").Steps); // 39 of 40
    }

    [Theory]
    [InlineData(2, "--batch-size must be from 1 to 65536, not 0", "--batch-size", "0")]
    [InlineData(2, "--batch-size takes a whole number, not \"many\"", "--batch-size", "many")]
    [InlineData(2, "--max-steps takes a whole number, not 1.5", "--max-steps", "1.5")]
    [InlineData(2, "--learning-rate takes a number, not \"1e\"", "--learning-rate", "1e")]
    [InlineData(2, "--learning-rate: 1e-400 is too near to 0 for a number", "--learning-rate", "1e-400")]
    [InlineData(2, "--max-grad-norm: 1e-60 is too near to 0 for a number", "--max-grad-norm", "1e-60")]
    [InlineData(2, "--learning-rate takes a number, not \".5e-400\"", "--learning-rate", ".5e-400")]
    [InlineData(2, "--num-train-epochs takes a number, not \"x\"", "--num-train-epochs", "x")]
    [InlineData(2, "--num-train-epochs must be above 0 and at most 1000000, not 0", "--num-train-epochs", "0")]
    [InlineData(2, "--warmup-ratio must be at least 0 and below 1, not 1", "--warmup-ratio", "1")]
    [InlineData(2, "--on-nan cannot be 'ignore'; it must be stop or rollback", "--on-nan", "ignore")]
    [InlineData(2, "pretrain.warmup is 20, but it must be less than pretrain.steps, which is 2", "--warmup-steps", "20", "--max-steps", "2")]
    [InlineData(2, "--batch-size is empty", "--batch-size", "")]
    [InlineData(1, "nowhere.json: cannot be read: there is no such file", "--config", "nowhere.json")]
    public void Mistakes_AreOneLineBeforeTheFolderIsMade(int exitCode, string complaint, params string[] more)
    {
        Shell.Run([.. Base(out string output), .. more]).AssertFailed(exitCode, complaint);
        Assert.False(Directory.Exists(output));
    }

    [Fact]
    public void Config_ThatDoesNotFit_NamesFileOrKeys()
    {
        string file = Config("""{"pretrain": {"batchsize": 3}}""");
        Shell.Run([.. Base(out string output), "--config", file]).AssertFailed(1, $"{file}: pretrain.batchsize: there is no key 'batchsize'; did you mean 'pretrain.batch'?");
        File.WriteAllText(file, """{"pretrain": {"warmup": 30}}""");
        Shell.Run([.. Base(out _), "--config", file]).AssertFailed(1, "pretrain.warmup is 30, but it must be less than pretrain.steps, which is 20");
        File.WriteAllText(file, """{"model": {"frame_width": 32}}""");
        Shell.Run([.. Base(out _), "--config", file]).AssertFailed(1, $"{file}: model.frame_width=32: ", "and this size follows from the file");
        Assert.False(Directory.Exists(output));
    }

    [Theory]
    [InlineData("--batch-size: both stages have batch; use --set pretrain.batch=8 --set finetune.batch=8", "--batch-size", "8")]
    [InlineData("--warmup-steps: both stages have encoder_warmup and warmup; use --set pretrain.encoder_warmup=5 --set pretrain.warmup=5 --set finetune.encoder_warmup=5 --set finetune.warmup=5", "--warmup-steps", "5")]
    [InlineData("--num-train-epochs: both stages have steps; use --set pretrain.steps=N --set finetune.steps=N", "--num-train-epochs", "3")]
    [InlineData("--on-nan: both stages have on_nan; use --set pretrain.on_nan=rollback --set finetune.on_nan=rollback", "--on-nan", "rollback")]
    public void Reproduce_AFlagOfBothStages_IsRefusedWithItsKeys(string complaint, params string[] flag) => Shell.Run(["reproduce", "--dry-run", .. flag]).AssertFailed(2, complaint);

    [Fact]
    public void Reproduce_Config_IsThatOfAllItsRuns()
    {
        string file = Config("""{"preset": "micro", "seed": 7, "folds": 2, "pretrain": {"steps": 6, "batch": 3}, "finetune": {"batch": 2}}""");
        var runs = JsonNode.Parse(Shell.Run("reproduce", "--dry-run", "--json", "--models", "mix", "--config", file, "--set", "finetune.steps=9").AssertDone().Output)!["runs"]!.AsArray();
        Assert.Equal([("pretrain", 1, 6, 3), ("finetune", 2, 9, 2)], runs.Select(static run => ((string)run!["stage"]!, (int)run["runs"]!, (int)run["steps"]!, (int)run["batch"]!)));
    }

    private string[] Base(out string output) => ["pretrain", "--model", "mix", "--preset", "micro", "--threads", "1", "--data", world.Data, "--set", "model.vlad_expansion=1", "--output-dir", output = world.New()];

    private string Config(string text)
    {
        string file = world.New() + ".json";
        File.WriteAllText(file, text);
        return file;
    }

    private static JsonNode Arguments(string run) => JsonNode.Parse(File.ReadAllText(Path.Combine(run, "args.json")))!;

    private static (int Steps, int Warmup, int EncoderWarmup, int EncoderSchedule) Schedule(string run, string stage) =>
        Arguments(run)[stage] is var recipe ? ((int)recipe!["steps"]!, (int)recipe["warmup"]!, (int)recipe["encoder_warmup"]!, (int)recipe["encoder_schedule_steps"]!) : default;
}
