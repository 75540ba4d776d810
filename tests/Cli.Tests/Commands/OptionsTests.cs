using System.CommandLine;
using System.Text.Json.Nodes;
using VideoSim.Cli.Commands;
using VideoSim.Cli.Output;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// Options that other tests leave out, or use with one command only. Each has its effect in all its commands and
/// stages.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed class OptionsTests(CommandWorld world)
{
    [Fact]
    public void RunOptions_AllGiven_ReachTheRunTheDeviceAndTheData()
    {
        string dictionary = world.New() + ".txt";
        File.WriteAllText(dictionary, "天地 3\n");
        var (parsed, options) = Parse("--model", "Uniter_ASL", "--data", world.Data, "--output-dir", "o", "--preset", "tiny", "--set", "pretrain.steps=70", "--set", "finetune.steps=71", "--seed", "9",
            "--device", "cpu", "--precision", "bf16", "--threads", "3", "--skip-bad-records", "--eager", "--jieba-dict", dictionary, "--report-to", "csv");
        var run = options.Read(parsed, IProgressSink.None);
        Assert.IsType<CsvReporter>(Assert.Single(run.Reporters));
        Assert.Equal(["pretrain.steps=70", "finetune.steps=71", "pretrain.precision=bf16"], run.Overrides.Select(static one => $"{one.Key}={one.Text}"));
        Assert.NotNull(run.Dictionary);
        Assert.Equal([new InputFile("--jieba-dict", dictionary)], run.Files);
        Assert.Equal(new RunOptions
        {
            OutputDirectory = "o", Preset = "tiny", Model = "uniter-asl", Overrides = run.Overrides, Seed = 9, Dictionary = run.Dictionary, SkipBadRecords = true, Eager = true,
            Reporters = run.Reporters, Files = run.Files,
        }, run);
        Assert.Equal(world.Data, options.Data(parsed).Root);
        using var device = options.OpenDevice(parsed, [], CommandConsole.OfThisProcess(json: false, quiet: true));
        Assert.Equal("cpu (3 threads)", device.Name);
    }

    [Fact]
    public void RunOptions_Required_LeaveTheOthersAtTheirDefaults()
    {
        var (parsed, options) = Parse("--model", "mix", "--data", "d", "--output-dir", "o");
        var run = options.Read(parsed, IProgressSink.None);
        Assert.Equal(new RunOptions { OutputDirectory = "o", Preset = "tiny", Model = "mix", Overrides = run.Overrides, Seed = 42, Reporters = run.Reporters, Files = run.Files }, run);
        Assert.Empty(run.Overrides);
        Assert.Empty(run.Reporters);
        Assert.Empty(run.Files);
        using var device = options.OpenDevice(parsed, [], CommandConsole.OfThisProcess(json: false, quiet: true));
        Assert.Equal($"cpu ({Environment.ProcessorCount} threads)", device.Name);
    }

    [Fact]
    public void Finetune_Options_AreInTheArgumentsOfItsFold()
    {
        string output = world.New();
        Shell.Run(CommandWorld.Finetune(world.Data, world.Pretrained, output, "--fold", "6000-11999val").Append("--video-disjoint").ToArray()).AssertDone();
        var arguments = Arguments(output);
        Assert.Equal((2, true, false, 5, world.Pretrained), ((int)arguments["fold"]!, (bool)arguments["video_disjoint"]!, (bool)arguments["skip_bad_records"]!, (int)arguments["seed"]!, (string)arguments["pretrained"]!));
        Assert.Equal("micro", (string)arguments["preset"]!);
    }

    // The folder of the second is something else, so one run is enough.
    [Fact]
    public void Folders_WrittenWithASlashBehind_AreTheSame()
    {
        string output = world.New();
        Shell.Run(CommandWorld.Finetune(world.Data + "/", world.Pretrained + "/", output)).AssertDone();
        Shell.Run(CommandWorld.Finetune(world.Data, world.Pretrained, output + "/")).AssertDone();
        string data = (string)ReproduceArguments()["data"]!;
        Assert.Equal(data.TrimEnd('/'), data);
    }

    [Fact]
    public void Finetune_AllFolds_AreRunsOfTheirOwn()
    {
        string output = world.New(), second = Path.Combine(output, "fold-2");
        string[] one = CommandWorld.Finetune(world.Data, world.Pretrained, second, "--fold", "2");
        one[Array.IndexOf(one, "--seed") + 1] = "6";
        Shell.Run(one).AssertDone();
        Shell.Run(CommandWorld.Finetune(world.Data, world.Pretrained, output, "--fold", "all")).AssertFailed(1, second, "has a run with other arguments: seed");
        Assert.Equal(1, (int)Arguments(Path.Combine(output, "fold-1"))["fold"]!);
        Assert.True(Directory.Exists(Path.Combine(output, "fold-1", "last")));
    }

    [Fact]
    public void Finetune_ForeignFolderOfALaterFold_IsFoundBeforeTheFirst()
    {
        string output = world.New(), last = Path.Combine(output, "fold-11");
        Directory.CreateDirectory(last);
        File.WriteAllText(Path.Combine(last, "notes.txt"), "");
        Shell.Run(CommandWorld.Finetune(world.Data, world.Pretrained, output, "--fold", "all")).AssertFailed(1, last, "is not empty and not the folder of a run");
        Assert.False(Directory.Exists(Path.Combine(output, "fold-1", "checkpoint-0")));
    }

    [Fact]
    public void ReproduceOptions_AllGiven_ReachTheReproductionAndTheDevice()
    {
        string dictionary = world.New() + ".txt";
        File.WriteAllText(dictionary, "天地 3\n");
        var options = new ReproduceOptionSet();
        var command = new Command("reproduce");
        options.AddTo(command);
        var parsed = command.Parse(["--models", "Uniter_ASL", "uniter-asl", "mix", "--data", "d", "--output-dir", "o", "--preset", "micro", "--folds", "3", "--set", "pretrain.steps=70", "--seed", "9",
            "--device", "cpu", "--precision", "bf16", "--threads", "3", "--skip-bad-records", "--video-disjoint", "--eager", "--jieba-dict", dictionary, "--vocab", "v.txt"]);
        Assert.Empty(parsed.Errors);
        var read = options.Read(parsed, IProgressSink.None);
        Assert.Equal(["uniter-asl", "mix"], read.Models);
        Assert.Equal(["pretrain.steps=70"], read.Overrides.Select(static one => $"{one.Key}={one.Text}"));
        Assert.NotNull(read.Dictionary);
        Assert.Equal([new InputFile("--jieba-dict", dictionary)], read.Files);
        Assert.All(read.Models, model => Assert.Equal("v.txt", read.TextOf(model).VocabularyFile));
        Assert.Equal(new ReproductionOptions
        {
            OutputDirectory = "o", Data = "d", Preset = "micro", Folds = 3, Models = read.Models, Overrides = read.Overrides, Precision = ElementType.BFloat16, Seed = 9, Text = read.Text, Dictionary = read.Dictionary,
            SkipBadRecords = true, VideoDisjoint = true, Eager = true, Reporters = read.Reporters, Files = read.Files,
        }, read);
        using var device = options.OpenDevice(parsed, tuning: null, CommandConsole.OfThisProcess(json: false, quiet: true));
        Assert.Equal("cpu (3 threads)", device.Name);
    }

    // A run that is overwritten has no table to continue with.
    [Fact]
    public void Tuning_FileOrCopy_ReachesTheReproduction()
    {
        string table = world.New() + ".json", output = Directory.CreateDirectory(world.New()).FullName;
        File.WriteAllText(table, """{"format":1,"gpu":"NVIDIA H100","cublaslt":"12.4.5","date":"2026-11-30","products":[]}""");
        var read = Read("--tuning", table);
        Assert.Equal(table, read.Tuning!.Path);
        Assert.Equal([new InputFile("--tuning", table)], read.Files);
        File.Copy(table, Path.Combine(output, "tuning.json"));
        File.WriteAllText(Path.Combine(output, "args.json"), $$"""{"command":"reproduce","preset":"micro","seed":1,"tuning_sha256":"{{read.Tuning.Sha256}}"}""");
        Assert.Equal(Path.Combine(output, "tuning.json"), Read().Tuning!.Path);
        Assert.Null(Read("--overwrite-output-dir").Tuning);

        ReproductionOptions Read(params string[] more)
        {
            var options = new ReproduceOptionSet();
            var command = new Command("reproduce");
            options.AddTo(command);
            return options.Read(command.Parse(["--preset", "micro", "--models", "mix", "--output-dir", output, "--device", "cuda", .. more]), IProgressSink.None);
        }
    }

    [Fact]
    public void Threads_OfCommandsThatTrainNothing_AreTheDevices()
    {
        string last = Path.Combine(world.Pretrained, "last"), records = Path.Combine(world.Data, "test_b"), embeddings = world.New() + ".zip", step = world.New() + ".safetensors";
        Assert.EndsWith($"{embeddings}: {TinyData.TestVideos} embeddings of mix in {last}, computed on cpu (3 threads)\n", Aloud([.. CommandWorld.Embed(last, records, embeddings), "--threads", "3"]), StringComparison.Ordinal);
        Assert.EndsWith($"{step}: a step of 4 videos, computed on cpu (3 threads)\n",
            Aloud("inspect", "--step", "--checkpoint", last, "--records", Path.Combine(world.Data, "pairwise"), "--output", step, "--threads", "3"), StringComparison.Ordinal);

        static string Aloud(params string[] command)
        {
            var outcome = Shell.RunAloud(command);
            Assert.Equal(0, outcome.ExitCode);
            return outcome.Error;
        }
    }

    // Found before the work: no model is needed to refuse them.
    [Fact]
    public void Outputs_ThatCannotBeWritten_AreRefusedFirst()
    {
        string folder = world.New(), nowhere = Path.Combine(world.New(), "last");
        Directory.CreateDirectory(folder + ".zip");
        Directory.CreateDirectory(folder + ".safetensors");
        Directory.CreateDirectory(folder);
        const string Refusal = "cannot be written: it is a folder";
        Shell.Run(CommandWorld.Embed(nowhere, nowhere, folder + ".zip")).AssertFailed(1, folder, Refusal);
        Shell.Run("ensemble", "--inputs", nowhere, "--output", folder + ".zip").AssertFailed(1, folder, Refusal);
        Shell.Run("inspect", "--step", "--checkpoint", nowhere, "--records", nowhere, "--output", folder + ".safetensors").AssertFailed(1, folder, Refusal);
    }

    // On the CPU, which has no bf16, whatever stage it reaches says so.
    [Fact]
    public void Precision_OfEveryCommand_ReachesBothStages()
    {
        const string Refusal = "precision bf16 needs a CUDA device; cpu";
        Shell.Run(CommandWorld.Pretrain(world.Data, world.New(), "--precision", "bf16")).AssertFailed(1, Refusal);
        Shell.Run(CommandWorld.Finetune(world.Data, world.Pretrained, world.New(), "--precision", "bf16")).AssertFailed(1, Refusal);
        Shell.Run("kernels", "bench", "tanh", "--preset", "micro", "--models", "mix", "--precision", "bf16").AssertFailed(1, Refusal);
        Assert.Equal("bf16", (string)ReproduceArguments("--precision", "bf16")["precision"]!);
    }

    [Theory]
    [InlineData("pretrain")]
    [InlineData("finetune")]
    public void Bench_Options_ReachTheStageThatIsTimed(string stage)
    {
        string[] bench = ["bench", "--model", "mix", "--stage", stage, "--preset", "micro", "--steps", "1", "--threads", "3", "--json"];
        string error = Shell.Run([.. bench, "--precision", "bf16"]) is { ExitCode: 1 } refused ? refused.Error : "";
        Assert.Contains("precision bf16 needs a CUDA device", error, StringComparison.Ordinal);
        var step = JsonNode.Parse(Shell.Run([.. bench, "--set", $"{stage}.batch=3"]).AssertDone().Output)!;
        Assert.Equal(("cpu (3 threads)", "micro", stage, 3, 1), ((string)step["device"]!, (string)step["preset"]!, (string)step["stage"]!, (int)step["batch"]!, (int)step["steps"]!));
    }

    [Fact]
    public void KernelsCheck_Folder_IsWhereSourcesComeFrom()
    {
        string folder = Directory.CreateDirectory(world.New()).FullName;
        Shell.Run("kernels", "check", "dropout", "--kernels", folder).AssertFailed(1, folder, "contains no kernel source");
        Shell.Run("kernels", "build-emulator", "--kernels", folder).AssertFailed(1, folder, "contains no kernel source");
        Shell.Run("kernels", "compile", "--kernels", folder).AssertFailed(1, folder, "contains no kernel source");
        Shell.Run("kernels", "compile", "--kernels", folder, "--output-dir", world.New()).AssertFailed(1, folder, "contains no kernel source");
    }

    [Fact]
    public void Embed_Float32_KeepsWhatHalfPrecisionRounds()
    {
        string records = Path.Combine(world.Data, "test_b"), half = world.New() + ".npy", single = world.New() + ".npy";
        string[] embed = CommandWorld.Embed(Path.Combine(world.Pretrained, "last"), records, half);
        Shell.Run(embed).AssertDone();
        embed[^1] = single;
        Shell.Run([.. embed, "--float32"]).AssertDone();
        var (rounded, full) = (SubmissionFile.Read(half), SubmissionFile.Read(single));
        double[] values = [.. Enumerable.Range(0, full.Ids.Count).SelectMany(row => full[row].ToArray())];
        Assert.Equal(values.Select(static value => (double)(Half)value), Enumerable.Range(0, rounded.Ids.Count).SelectMany(row => rounded[row].ToArray()));
        Assert.Contains(values, static value => value != (double)(Half)value);
        Assert.All(values, static value => Assert.Equal(value, (float)value));
    }

    // A damaged record that no pair names stands behind the others: in the videos of pairs, and in those to embed.
    [Fact]
    public void SkipBadRecords_OfEveryCommand_LeavesTheBadOneOut()
    {
        string data = world.CopyOfData(), last = Path.Combine(world.Pretrained, "last");
        string pairs = Path.Combine(data, "pairwise", "pairwise.tfrecords"), test = Path.Combine(data, "test_b", "test_b.tfrecords");
        foreach (string file in new[] { pairs, test })
            AppendBadRecord(file);
        Check(pairs, CommandWorld.Pretrain(data, world.New()));
        Check(pairs, CommandWorld.Finetune(data, world.Pretrained, world.New()));
        Check(test, CommandWorld.Embed(last, test, world.New() + ".zip"));
        Check(test, ["reproduce", "--models", "mix", "--folds", "1", "--data", data, "--output-dir", world.New(), .. CommandWorld.Options]);

        void Check(string file, string[] command)
        {
            Shell.Run(command).AssertFailed(1, file, $"record {TinyData.PairVideos}", "frame 0 has NaN");
            if (command[0] == "reproduce")
                command[Array.IndexOf(command, "--output-dir") + 1] = world.New();
            else if (Array.IndexOf(command, "--output-dir") is >= 0 and var place)
                command[place + 1] = world.New();
            Shell.Run([.. command, "--skip-bad-records"]).AssertDone();
        }
    }

    [Fact]
    public void Reproduce_Options_AreInItsArguments()
    {
        var plain = ReproduceArguments();
        Assert.Equal(("tiny", 42, false, false, 0), ((string)plain["preset"]!, (int)plain["seed"]!, (bool)plain["skip_bad_records"]!, (bool)plain["video_disjoint"]!, plain["set"]!.AsArray().Count));
        string dictionary = world.New() + ".txt";
        File.WriteAllText(dictionary, "天地 3\n");
        var all = ReproduceArguments("--preset", "micro", "--seed", "9", "--skip-bad-records", "--video-disjoint", "--jieba-dict", dictionary, "--set", "pretrain.batch=3", "--set", "finetune.batch=2");
        Assert.Equal(("micro", 9, true, true), ((string)all["preset"]!, (int)all["seed"]!, (bool)all["skip_bad_records"]!, (bool)all["video_disjoint"]!));
        Assert.Equal(["finetune.batch=2", "pretrain.batch=3"], all["set"]!.AsArray().Select(static text => (string)text!));
        Assert.Null(plain["jieba_dict_sha256"]);
        Assert.NotNull(all["jieba_dict_sha256"]);
    }

    [Fact]
    public void DryRun_Options_AreCounted()
    {
        string[] dry = ["reproduce", "--dry-run", "--json", "--preset", "micro", "--models", "mix_asl", "uniter", "--output-dir", world.New()];
        var runs = JsonNode.Parse(Shell.Run([.. dry, "--folds", "3", "--set", "pretrain.batch=2", "--set", "finetune.steps=70"]).AssertDone().Output)!["runs"]!.AsArray();
        Assert.Equal([("mix-asl", "pretrain", 1, 20, 2), ("mix-asl", "finetune", 3, 70, 4), ("uniter", "pretrain", 1, 20, 2), ("uniter", "finetune", 3, 70, 4)],
            runs.Select(static run => ((string)run!["model"]!, (string)run["stage"]!, (int)run["runs"]!, (int)run["steps"]!, (int)run["batch"]!)));
    }

    [Fact]
    public void DataSynth_Options_AreTheSizesOfTheData()
    {
        string output = world.New(), other = world.New();
        string[] synth = ["data", "synth", "--videos", "17", "--pairs", "5", "--pair-videos", "9", "--test-videos", "91", "--tags", "60", "--frames", "2"];
        Shell.Run([.. synth, "--seed", "3", "--output-dir", output]).AssertDone();
        Shell.Run([.. synth, "--seed", "4", "--output-dir", other]).AssertDone();
        Assert.Equal((17, 9, 91, 91), (Records("pointwise"), Records("pairwise"), Records("test_a"), Records("test_b")));
        Assert.Equal((5, 60), (File.ReadLines(Path.Combine(output, "pairwise", "label.tsv")).Count(), File.ReadLines(Path.Combine(output, "tag_list.txt")).Count()));
        Assert.Equal("""[{"value":2,"count":17}]""", Inspect("pointwise")["frames_per_video"]!.ToJsonString());
        Assert.NotEqual(File.ReadAllText(Path.Combine(output, "pairwise", "label.tsv")), File.ReadAllText(Path.Combine(other, "pairwise", "label.tsv")));

        int Records(string folder) => (int)Inspect(folder)["records"]!;

        JsonNode Inspect(string folder) => JsonNode.Parse(Shell.Run("data", "inspect", Path.Combine(output, folder), "--json").AssertDone().Output)!;
    }

    [Fact]
    public void Inspect_Set_ChangesTheModel()
    {
        long three = Total(), two = Total("--set", "model.experts=2");
        Assert.True(two < three, $"{two} parameters with two experts, {three} with three");
        Assert.Equal("mix", (string)JsonNode.Parse(Shell.Run("inspect", "--model", "MixNextvlad", "--preset", "micro", "--json").AssertDone().Output)!["model"]!);

        static long Total(params string[] more) => (long)JsonNode.Parse(Shell.Run(["inspect", "--model", "mix", "--preset", "micro", "--json", .. more]).AssertDone().Output)!["total"]!;
    }

    [Fact]
    public void Ensemble_Normalize_ScalesTheFoldsOfAModel()
    {
        string first = Embeddings([3, 4]), second = Embeddings([0, 2]), output = world.New() + ".json";
        Shell.Run("ensemble", "--inputs", first, second, "--output", output).AssertDoneWithUnknownModel();
        Assert.Equal([1.5, 3], SubmissionFile.Read(output)[0].ToArray());
        Shell.Run("ensemble", "--inputs", first, second, "--normalize", "--output", output).AssertDoneWithUnknownModel();
        Assert.Equal([0.3, 0.9], SubmissionFile.Read(output)[0].ToArray().Select(static value => Math.Round(value, 12)));
        Shell.Run("ensemble", "--inputs", $"mix={first}", $"uniter={second}", "--normalize", "--output", output).AssertDoneWithUnknownModel(); // 0.17 * 0.6, and 0.17 * 0.8 + 0.13
        Assert.Equal([0.102, 0.266], SubmissionFile.Read(output)[0].ToArray().Select(static value => Math.Round(value, 12)));
    }

    private static (ParseResult Parsed, RunOptionSet Options) Parse(params string[] args)
    {
        var options = new RunOptionSet("pretrain");
        var command = new Command("train");
        options.AddTo(command);
        var parsed = command.Parse(args);
        Assert.Empty(parsed.Errors);
        return (parsed, options);
    }

    // What a reproduction notes before its first score, which fails. Nothing is trained.
    private JsonNode ReproduceArguments(params string[] more)
    {
        string output = world.New(), data = world.CopyOfData(), labels = Path.Combine(data, "pairwise", "label.tsv");
        // The batches of the preset tiny are larger than the data.
        foreach (int file in new[] { 0, 1 })
            File.Copy(Path.Combine(data, "pointwise", $"pretrain_{file}.tfrecords"), Path.Combine(data, "pointwise", $"pretrain_{file + 2}.tfrecords"));
        File.AppendAllText(labels, File.ReadAllText(labels));
        File.WriteAllText(Path.Combine(data, "test_b", "label.tsv"), "no labels");
        Shell.Run(["reproduce", "--data", data, "--models", "mix", "--output-dir", output, .. more]).AssertFailed(1, data);
        var arguments = Arguments(output);
        Assert.Equal(data, (string)arguments["data"]!);
        return arguments;
    }

    private static JsonNode Arguments(string run) => JsonNode.Parse(File.ReadAllText(Path.Combine(run, "args.json")))!;

    private string Embeddings(double[] embedding)
    {
        string path = world.New() + ".json";
        var builder = new EmbeddingTableBuilder(path);
        builder.Add("1", embedding);
        SubmissionFile.Write(path, builder.Build(), EmbeddingRounding.Double);
        return path;
    }

    private static void AppendBadRecord(string file)
    {
        var frames = new Half[TinyData.FrameWidth];
        frames[3] = Half.NaN;
        var stream = new MemoryStream();
        using (var writer = new TfRecordWriter(stream))
            writer.Write(new ExampleWriter().WriteVideo("77"u8, "t"u8, "nan"u8, frames, TinyData.FrameWidth, [], null));
        File.WriteAllBytes(file, [.. File.ReadAllBytes(file), .. stream.ToArray()]);
    }
}
