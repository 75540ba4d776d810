using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Other wrong input of commands: one line that names it, and the exit code.</summary>
[Collection(nameof(CommandTests))]
public sealed class BadInputTests(CommandWorld world)
{
    [Theory]
    [InlineData("9000002000\t123\t0.5", "there is no video '123'")]
    [InlineData("123\t9000002000\t0.5", "there is no video '123'")]
    [InlineData("9000002000\t9000002001\thigh", "the similarity 'high' is not a number")]
    [InlineData("9000002000\t9000002001\t", "has 2 fields separated by tabs")]
    [InlineData("9000002000\t9000002001\tNaN", "the similarity NaN is not in [0, 1]")]
    [InlineData("9000002000\t9000002001\t1.5", "the similarity 1.5 is not in [0, 1]")]
    [InlineData("9000002000\t9000002001\t-0.1", "the similarity -0.1 is not in [0, 1]")]
    [InlineData("9000002000 9000002001", "has 2 fields separated by spaces; expected 3: id, id, similarity")]
    public void Label_Bad_NamesTheLine(string line, string complaint)
    {
        string data = world.CopyOfData(), file = Path.Combine(data, "pairwise", "label.tsv");
        string[] lines = File.ReadAllLines(file);
        lines[6] = line;
        File.WriteAllLines(file, lines);
        Shell.Run(CommandWorld.Pretrain(data, world.New())).AssertFailed(1, file, "line 7", complaint);
        Shell.Run(CommandWorld.Finetune(data, world.Pretrained, world.New())).AssertFailed(1, file, "line 7", complaint);

        string embeddings = world.New() + ".zip";
        Shell.Run(CommandWorld.Embed(Path.Combine(world.Pretrained, "last"), Path.Combine(data, "pairwise"), embeddings)).AssertDone();
        Shell.Run("evaluate", "--embeddings", embeddings, "--labels", file).AssertFailed(1, file, "line 7", complaint);
    }

    [Fact]
    public void Labels_Empty_AreRefused()
    {
        string data = world.CopyOfData(), file = Path.Combine(data, "pairwise", "label.tsv");
        File.WriteAllText(file, "");
        Shell.Run(CommandWorld.Pretrain(data, world.New())).AssertFailed(1, file, "the label file is empty");
    }

    [Theory]
    [InlineData("", "the tag list is empty")]
    [InlineData("107\n\n114\n", "line 2 is empty")]
    [InlineData("107\n114\n107\n", "line 3: tag 107 is already on line 1")]
    [InlineData("107\nsport\n", "line 2: 'sport' is not a tag id")]
    public void TagList_Bad_IsNamed(string content, string complaint)
    {
        string data = world.CopyOfData(), file = Path.Combine(data, "tag_list.txt");
        File.WriteAllText(file, content);
        Shell.Run(CommandWorld.Pretrain(data, world.New())).AssertFailed(1, file, complaint);
        Shell.Run(CommandWorld.Finetune(data, world.Pretrained, world.New())).AssertFailed(1, file, complaint);
    }

    [Fact]
    public void TagList_OfAnotherModel_IsRefused()
    {
        string data = world.CopyOfData(), file = Path.Combine(data, "tag_list.txt");
        string[] tags = File.ReadAllLines(file);
        File.WriteAllLines(file, tags[1..]);
        Shell.Run(CommandWorld.Finetune(data, world.Pretrained, world.New()))
            .AssertFailed(1, $"{file} has {TinyData.Tags - 1} tags", world.Pretrained, $"has {TinyData.Tags}");

        File.WriteAllLines(file, [.. tags[1..], "123456"]);
        Shell.Run(CommandWorld.Finetune(data, world.Pretrained, world.New())).AssertFailed(1, file, "other tags", world.Pretrained);
    }

    [Fact]
    public void ModelFolder_TagCountNotThatOfItsHeads_IsRefused()
    {
        string run = world.CopyOfRun(), last = Path.Combine(run, "last"), tags = Path.Combine(last, "tag_list.txt"), config = Path.Combine(last, "config.json");
        File.WriteAllLines(tags, File.ReadAllLines(tags)[1..]);
        Shell.Run(CommandWorld.Embed(last, world.Data, world.New() + ".zip")).AssertFailed(1, $"{tags}: has changed since {last} was written");
        File.Delete(Path.Combine(last, "checksums.json"));
        Shell.Run(CommandWorld.Embed(last, world.Data, world.New() + ".zip")).AssertFailed(1, tags, $"has {TinyData.Tags - 1} tags", $"but tags in {config} is {TinyData.Tags}");

        File.WriteAllText(config, File.ReadAllText(config).Replace($"\"tags\": {TinyData.Tags}", $"\"tags\": {TinyData.Tags - 1}", StringComparison.Ordinal));
        Shell.Run(CommandWorld.Embed(last, Path.Combine(world.Data, "test_b"), world.New() + ".zip"))
            .AssertFailed(1, Path.Combine(last, "model.safetensors"), "'experts.0.classifier.weight' has shape [40, 32], expected [39, 32]");
    }

    // A correlation of such pairs has no value; 0 would be one.
    [Theory]
    [InlineData("1\t2\t0.5\n", "there are fewer than two pairs")]
    [InlineData("1\t2\t0.5\n2\t3\t0.5\n", "all 2 labels are equal")]
    [InlineData("1\t2\t0.5\n2\t1\t0.7\n", "all 2 cosines are equal")]
    public void Evaluate_PairsWithoutAScore_SaysWhy(string labels, string reason)
    {
        string embeddings = world.New() + ".json", file = world.New() + ".tsv";
        File.WriteAllText(embeddings, "{\"1\":[1,2],\"2\":[2,1],\"3\":[1,0]}");
        File.WriteAllText(file, labels);
        var outcome = Shell.Run("evaluate", "--embeddings", embeddings, "--labels", file).AssertDone();
        Assert.Contains("undefined", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("0.0000", outcome.Output, StringComparison.Ordinal);
        Assert.Equal($"{{\"spearman\":null,\"undefined\":\"{reason}\"}}", Shell.Run("evaluate", "--embeddings", embeddings, "--labels", file, "--json").AssertDone().Output.TrimEnd());
    }

    [Theory]
    [InlineData("not JSON", "config.json")]
    [InlineData("{}", "config.json")]
    [InlineData("null", "config.json")]
    [InlineData("{\"model\": \"mix\", \"frobs\": 3}", "config.json")]
    public void Config_Bad_IsNamed(string content, string complaint)
    {
        string last = Path.Combine(world.CopyOfRun(), "last");
        File.Delete(Path.Combine(last, "checksums.json"));
        File.WriteAllText(Path.Combine(last, "config.json"), content);
        Shell.Run(CommandWorld.Embed(last, Path.Combine(world.Data, "test_b"), world.New() + ".zip")).AssertFailed(1, last, complaint);
    }

    [Fact]
    public void Vocabulary_BadOrMissing_IsNamed()
    {
        string data = world.CopyOfData(), file = Path.Combine(data, "vocab.txt");
        int lines = File.ReadAllLines(file).Length;
        File.AppendAllText(file, "\nX\n");
        Shell.Run(CommandWorld.Pretrain(data, world.New())).AssertFailed(1, file, $"line {lines + 1}");
        File.Delete(file);
        Shell.Run(CommandWorld.Pretrain(data, world.New())).AssertFailed(1, file, "no such file");
    }

    [Theory]
    [InlineData("truncated", "but only", "truncated?")]
    [InlineData("short", "too few for a safetensors file", "")]
    [InlineData("huge header", "claims a header of", "more than")]
    [InlineData("long header", "claims a header of", "truncated?")]
    [InlineData("no JSON", "header", "")]
    [InlineData("NaN", "has a value that is not finite", "tensor '")]
    [InlineData("missing", "there is no such file", "")]
    public void Weights_Bad_AreNamed(string damage, params string[] complaints)
    {
        string run = world.CopyOfRun(), last = Path.Combine(run, "last");
        Damage(Path.Combine(last, "model.safetensors"), damage);
        File.Delete(Path.Combine(last, "checksums.json"));
        string[] parts = [Path.Combine(last, "model.safetensors"), .. complaints];
        Shell.Run(CommandWorld.Embed(last, Path.Combine(world.Data, "test_b"), world.New() + ".zip")).AssertFailed(1, parts);
        Shell.Run(CommandWorld.Finetune(world.Data, last, world.New())).AssertFailed(1, parts);

        // A run that would go on from such a checkpoint says so, too.
        Directory.Delete(last, recursive: true);
        foreach (string file in new[] { "model.safetensors", "optimizer.safetensors" })
        {
            string path = Path.Combine(run, "checkpoint-2", file);
            byte[] sound = File.ReadAllBytes(path);
            Damage(path, damage);
            Shell.Run(CommandWorld.Pretrain(world.Data, run)).AssertFailed(1, $"{path}: {(damage == "missing" ? "is gone from" : "has changed since")}", "checkpoint-1 is whole: delete");
            File.WriteAllBytes(path, sound);
        }
        Shell.Run(CommandWorld.Pretrain(world.Data, run)).AssertDone();
        Folders.AssertEqual(world.Pretrained, run);
    }

    [Fact]
    public void Checkpoint_WithoutState_IsNamed()
    {
        string run = world.CopyOfRun(), state = Path.Combine(run, "checkpoint-2", "trainer_state.json");
        Directory.Delete(Path.Combine(run, "last"), recursive: true);
        File.WriteAllText(state, "{\"step\": 2}");
        Shell.Run(CommandWorld.Pretrain(world.Data, run)).AssertFailed(1, state);
        File.Delete(state);
        Shell.Run(CommandWorld.Pretrain(world.Data, run)).AssertFailed(1, state);
    }

    [Theory]
    [InlineData("--seed", "6", "seed was 5 and is 6")]
    [InlineData("--set", "pretrain.evaluate_every=3", "pretrain.evaluate_every was 10 and is 3")]
    [InlineData("--set", "model.experts=2", "model.experts was 3 and is 2")]
    [InlineData("--skip-bad-records", null, "skip_bad_records was false and is true")]
    public void Folder_OfADifferentRun_NamesTheOptionThatDiffers(string option, string? value, string difference)
    {
        string[] more = value is null ? [option] : [option, value];
        Shell.Run(CommandWorld.Pretrain(world.Data, world.Pretrained, more)).AssertFailed(1, world.Pretrained, difference);
    }

    [Fact]
    public void Folder_OfAnotherCommandOrFoldOrData_NamesWhatDiffers()
    {
        Shell.Run(CommandWorld.Finetune(world.Data, world.Pretrained, world.Pretrained)).AssertFailed(1, world.Pretrained, "has the results of 'pretrain'; choose another --output-dir");
        string fold = world.New(), data = world.CopyOfData();
        Shell.Run(CommandWorld.Finetune(world.Data, world.Pretrained, fold)).AssertDone();
        Shell.Run(CommandWorld.Finetune(world.Data, world.Pretrained, fold, "--fold", "2")).AssertFailed(1, fold, "fold was 1 and is 2");
        Shell.Run(CommandWorld.Finetune(data, world.Pretrained, fold)).AssertFailed(1, fold, "data was", data);
    }

    [Fact]
    public void Folder_OfSomethingElse_IsLeftAlone()
    {
        string folder = Path.Combine(world.CopyOfData(), "pairwise");
        string[] before = Directory.GetFiles(folder);
        Shell.Run(CommandWorld.Pretrain(world.Data, folder)).AssertFailed(1, folder, "is not empty and not the folder of a run");
        Shell.Run(["reproduce", "--data", world.Data, "--output-dir", folder, .. CommandWorld.Options]).AssertFailed(1, folder, "is not empty");
        Shell.Run("data", "synth", "--output-dir", folder).AssertFailed(1, folder, "is a folder with files");
        Assert.Equal(before, Directory.GetFiles(folder));
    }

    // A file where a folder must be: nobody can write there, not even the superuser that tests often run as.
    [Fact]
    public void Folder_Unwritable_IsNamed()
    {
        string file = world.New(), folder = Path.Combine(file, "run");
        File.WriteAllText(file, "");
        Shell.Run(CommandWorld.Pretrain(world.Data, folder)).AssertFailed(1, folder, "cannot be written");
        Shell.Run(CommandWorld.Finetune(world.Data, world.Pretrained, folder)).AssertFailed(1, folder, "cannot be written");
        Shell.Run(["reproduce", "--data", world.Data, "--output-dir", folder, .. CommandWorld.Options]).AssertFailed(1, folder, "cannot be written");
        Shell.Run("data", "synth", "--output-dir", folder, "--videos", "1").AssertFailed(1, folder, "cannot be written");
        Shell.Run(CommandWorld.Embed(Path.Combine(world.Pretrained, "last"), Path.Combine(world.Data, "test_b"), folder + ".zip"))
            .AssertFailed(1, folder + ".zip", "cannot be written");
        Shell.Run(["inspect", "--step", "--checkpoint", Path.Combine(world.Pretrained, "last"), "--records", Path.Combine(world.Data, "test_b"), "--output", folder + ".safetensors"])
            .AssertFailed(1, folder + ".safetensors", "cannot be written");
    }

    [Theory]
    [InlineData("--frob", null, "'--frob'")]
    [InlineData("--seed", "-1", "--seed")]
    [InlineData("--threads", "many", "--threads")]
    [InlineData("--threads", "0", "--threads must be from 1 to 4096, not 0")]
    [InlineData("--set", "nope=1", "--set nope: there is no key 'nope', only model, pretrain, finetune, folds")]
    [InlineData("--set", "pretrain.nope=1", "there is no key 'nope', only batch, steps")]
    [InlineData("--set", "pretrain.steps.nope=1", "there is no key 'nope'")]
    [InlineData("--set", "pretrain.steps=many", "--set pretrain.steps takes a whole number, not \"many\"")]
    [InlineData("--set", "pretrain=null", "--set pretrain is a section; it has the keys batch, steps")]
    [InlineData("--set", "pretrain.losses=null", "--set pretrain.losses is a section")]
    [InlineData("--set", "pretrain.steps=0", "--set pretrain.steps must be from 1 to 2147483647, not 0")]
    [InlineData("--set", "pretrain.precision=fp8", "pretrain.precision cannot be 'fp8'; it must be fp32 or bf16")]
    [InlineData("--precision", "fp8", "--precision cannot be 'fp8'; it must be fp32 or bf16")]
    [InlineData("--set", "model.vlad_dropout=1", "--set model.vlad_dropout must be at least 0 and below 1, not 1")]
    [InlineData("--set", "nonsense", "--set needs key=value, not 'nonsense'")]
    [InlineData("--device", "abacus", "--device abacus: the devices are cpu, cuda and cuda:N")]
    public void Option_Wrong_IsWrongUsage(string option, string? value, string complaint)
    {
        string output = world.New();
        string[] args = value is null ? [option] : [option, value];
        Shell.Run(CommandWorld.Pretrain(world.Data, output, args)).AssertFailed(2, complaint);
        Assert.False(Directory.Exists(output));
    }

    [Theory]
    [InlineData("no preset", "pretrain", "--model", "mix", "--data", "d", "--output-dir", "o", "--preset", "huge")]
    [InlineData("there is no model 'max'", "pretrain", "--model", "max", "--data", "d", "--output-dir", "o")]
    [InlineData("there is no fold '12': folds are 1 to 11", "finetune", "--model", "mix", "--data", "d", "--output-dir", "o", "--pretrained", "p", "--fold", "12")]
    [InlineData("'--output-dir' is required", "pretrain", "--model", "mix", "--data", "d")]
    [InlineData("there is no model 'max'", "reproduce", "--models", "mix", "max")]
    [InlineData("--folds 12: the number of folds is 1 to 11", "reproduce", "--folds", "12")]
    [InlineData("--folds", "reproduce", "--folds", "two")]
    [InlineData("--step needs --checkpoint", "inspect", "--step")]
    [InlineData("inspect needs --model, or --step", "inspect")]
    [InlineData("'frobnicate'", "frobnicate")]
    public void Arguments_Wrong_AreWrongUsage(string complaint, params string[] args) => Shell.Run(args).AssertFailed(2, complaint);

    [Fact]
    public void Data_Missing_IsNamed()
    {
        string folder = world.New();
        Shell.Run(CommandWorld.Pretrain(folder, world.New())).AssertFailed(1, folder);
        Shell.Run(["reproduce", "--data", folder, "--output-dir", world.New(), .. CommandWorld.Options]).AssertFailed(1, folder);
        Shell.Run(CommandWorld.Embed(folder, world.Data, "e.zip")).AssertFailed(1, folder);
        Shell.Run(CommandWorld.Finetune(world.Data, folder, world.New())).AssertFailed(1, folder);
        Shell.Run("data", "inspect", folder).AssertFailed(1, folder);
        Shell.Run("ensemble", "--inputs", folder + ".zip", "--output", "e.zip").AssertFailed(1, folder);
    }

    [Fact]
    public void Precision_ThatTheDeviceHasNot_IsRefused()
    {
        string output = world.New();
        Shell.Run(CommandWorld.Pretrain(world.Data, output, "--precision", "bf16")).AssertFailed(1, "precision bf16 needs a CUDA device; cpu");
        Assert.False(Directory.Exists(output));
    }

    [Fact]
    public void Verbose_ShowsWhereAnErrorComesFrom()
    {
        var outcome = Shell.Run([.. CommandWorld.Pretrain(world.New(), world.New()), "--verbose"]);
        Assert.Equal(1, outcome.ExitCode);
        Assert.StartsWith("error: ", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("\n   at VideoSim.", outcome.Error, StringComparison.Ordinal);
    }

    private static void Damage(string file, string damage)
    {
        byte[] bytes = File.ReadAllBytes(file);
        int header = BitConverter.ToInt32(bytes);
        switch (damage)
        {
            case "missing":
                File.Delete(file);
                return;
            case "truncated":
                bytes = bytes[..^100];
                break;
            case "short":
                bytes = bytes[..5];
                break;
            case "huge header":
                bytes[6] = 1;
                break;
            case "long header":
                BitConverter.TryWriteBytes(bytes, (long)bytes.Length);
                break;
            case "no JSON":
                bytes[8] = (byte)'x';
                break;
            case "NaN":
                BitConverter.TryWriteBytes(bytes.AsSpan(8 + header + 400), float.NaN);
                break;
            default:
                throw new ArgumentException(damage);
        }
        File.WriteAllBytes(file, bytes);
    }
}
