using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Cli.Commands;
using VideoSim.Cli.Tests.Output;
using VideoSim.Engine.Compilation;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Profiling;
using VideoSim.Models.Reproduction;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Every column of every table that commands print, against what the same command says to machines.</summary>
[Collection(nameof(CommandTests))]
public sealed class TablesTests(CommandWorld world)
{
    private static readonly JsonSerializerOptions SnakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    [Fact]
    public void Folds_Table_HoldsTheJson()
    {
        string[] command = ["data", "folds", "--data", world.Data];
        var (table, json) = Both(command);
        Assert.Equal(["fold", "train pairs", "validation pairs", "videos on both sides", "validation pairs with one of them", "with two"], table.Headers);
        Assert.Equal(Cells(json.AsArray(), "fold", "train_pairs", "validation_pairs", "shared_videos", "pairs_with_one", "pairs_with_both"), table.Rows);
        Assert.All(json.AsArray(), static fold => Assert.Equal(TinyData.Pairs, (int)fold!["train_pairs"]! + (int)fold["validation_pairs"]!));
    }

    [Fact]
    public void Inspect_Table_HoldsTheJson()
    {
        var (table, json) = Both("inspect", "--model", "mix", "--preset", "micro");
        Assert.Equal(json["blocks"]!.AsObject().Select(static block => new[] { block.Key, Whole(block.Value!) }).Append(["total", Whole(json["total"]!)]), table.Rows);
    }

    [Fact]
    public void DataInspect_Tables_HoldTheJsonAndTheFiles()
    {
        string folder = Path.Combine(world.Data, "pointwise");
        string[] command = ["data", "inspect", folder];
        var json = JsonNode.Parse(Shell.Run([.. command, "--json"]).AssertDone().Output)!;
        var tables = MarkdownTable.ParseAll(Shell.Run(command).AssertDone().Output);
        Assert.Equal(3, tables.Length);
        Assert.Equal(["file", "bytes", "records", "bad"], tables[0].Headers);
        var files = Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(static file => new FileInfo(file)).ToArray();
        Assert.Equal([.. files.Select(static file => new[] { file.FullName, Whole(file.Length), $"{TinyData.Videos / 2}", "0" }), ["all", Whole(files.Sum(static file => file.Length)), $"{TinyData.Videos}", "0"]], tables[0].Rows);
        Assert.Equal((2, files.Sum(static file => file.Length), TinyData.Videos, TinyData.Videos), (json["files"]!.AsArray().Count, (long)json["bytes"]!, (int)json["records"]!, (int)json["videos"]!));
        Assert.Equal(["feature", "holds", "records", "entries a record", "bytes an entry"], tables[1].Headers);
        Assert.Equal(json["features"]!.AsArray().Select(static feature => ((string)feature!["name"]!, Whole(feature["records"]!))), tables[1].Rows.Select(static row => (row[0], row[2])));
        Assert.Contains(tables[1].Rows, row => row is ["frame_feature", "byte strings", _, "1 to 12", var bytes] && bytes == $"{2 * TinyData.FrameWidth}");
        Assert.Contains(tables[1].Rows, static row => row is ["tag_id", "integers", _, "3", ""]);
        Assert.Equal(["of a video", "how many", "videos"], tables[2].Headers);
        Assert.Equal(["values of a frame", $"{TinyData.FrameWidth}", $"{TinyData.Videos}"], tables[2].Rows[0]);
        Assert.Equal(TinyData.FrameWidth, (int)json["frame_width"]!);
        Assert.Equal(Bins("frames_per_video", 8, "frames").Concat(Bins("title_characters", 8, "characters of the title")).Concat(Bins("tags_per_video", 1, "tags")), tables[2].Rows[1..]);

        IEnumerable<string[]> Bins(string key, int width, string name) => json[key]!.AsArray().GroupBy(bin => (int)bin!["value"]! / width).OrderBy(static group => group.Key)
            .Select(group => new[] { name, width == 1 ? $"{group.Key}" : $"{width * group.Key} to {width * group.Key + width - 1}", $"{group.Sum(static bin => (int)bin!["count"]!)}" });
    }

    [Fact]
    public void DataVerifyOfficial_FolderOfAnotherSet_NamesEveryFile()
    {
        string data = world.CopyOfData();
        File.Delete(Path.Combine(data, "test_a", "test_a.tfrecords"));
        var outcome = Shell.Run("data", "verify", "--official", data);
        Assert.Equal((1, ""), (outcome.ExitCode, outcome.Error));
        var table = MarkdownTable.Parse(outcome.Output);
        Assert.Equal(["file", "bytes", "MD5", "verdict"], table.Headers);
        Assert.Equal(25, table.Rows.Length);
        byte[] content = File.ReadAllBytes(Path.Combine(data, "test_b", "test_b.tfrecords"));
        Assert.Contains(table.Rows, row => row.SequenceEqual(["test_b/test_b.tfrecords", Whole((long)content.Length), Convert.ToHexStringLower(System.Security.Cryptography.CryptographicOperations.HashData(System.Security.Cryptography.HashAlgorithmName.MD5, content)), "no published sum"]));
        Assert.Contains(table.Rows, static row => row.SequenceEqual(["test_a/test_a.tfrecords", "", "", "missing"]));
        Assert.Equal(["pairwise/label.tsv", "pairwise/pairwise.tfrecords", "tag_list.txt", "pointwise/pretrain_0.tfrecords", "pointwise/pretrain_1.tfrecords"], table.Rows.Where(static row => row[3] == "differs").Select(static row => row[0]));
        var json = JsonNode.Parse(Shell.Run("data", "verify", "--official", data, "--json").Output)!.AsArray();
        Assert.Equal(table.Rows.Select(static row => (row[0], row[3])), json.Select(static file => ((string)file!["file"]!, (string)file["verdict"]!)));
        Shell.Run("data", "verify", "--official", data, data).AssertFailed(2, "--official needs exactly one folder");
        string vocabulary = Path.Combine(data, "vocab.txt");
        Shell.Run("data", "verify", "--official", vocabulary).AssertFailed(1, $"--official {vocabulary}: is a file, not a folder in the challenge's layout");
    }

    [Fact]
    public void DataVerify_Table_HoldsTheJson()
    {
        var (table, json) = Both("data", "verify", Path.Combine(world.Data, "pairwise"), "--frame-width", $"{TinyData.FrameWidth}");
        Assert.Equal([[$"{TinyData.PairVideos}", "0"]], table.Rows);
        Assert.Equal((TinyData.PairVideos, 0), ((int)json["records"]!, (int)json["bad"]!));
        var bad = Shell.Run("data", "verify", Path.Combine(world.Data, "pairwise"), "--frame-width", "32", "--json");
        Assert.Equal((1, TinyData.PairVideos), (bad.ExitCode, (int)JsonNode.Parse(bad.Output)!["bad"]!));
    }

    [Fact]
    public void KernelsList_Table_HoldsTheJson()
    {
        var (table, json) = Both("kernels", "list", "--preset", "micro");
        Assert.Equal(["family", "entry", "blocks x threads", "registers", "spilled, B", "shared, B", "MFLOP", "MB"], table.Headers);
        Assert.Equal(json.AsArray().Select(static row =>
        {
            var (shape, resources) = (row!["shape"], row["resources"]);
            return new[]
            {
                (string)row["family"]!, (string)row["entry"]!,
                shape is not null ? $"{(long)shape["grid_x"]! * (long)shape["grid_y"]! * (long)shape["grid_z"]!} x {shape["block_x"]}" : row["source"] is null ? (string?)row["library"] ?? "CPU only" : "",
                $"{resources?["registers"]}", resources is null ? "" : $"{(int)resources["spill_store_bytes"]! + (int)resources["spill_load_bytes"]!}",
                resources is null ? "" : $"{(int)resources["shared_bytes"]! + (int)(shape?["shared_bytes"] ?? 0)}", Millions(row["flops"]), Millions(row["bytes"]),
            };
        }), table.Rows);

        static string Millions(JsonNode? value) => value is null ? "" : ((double)value / 1e6).ToString("N2", CultureInfo.InvariantCulture);
    }

    // No kernel spills, so the repository's own table does not tell the columns apart.
    [Fact]
    public void KernelsList_KernelThatSpills_HasTheSumsOfItsParts()
    {
        var table = Parse(KernelsCommand.Table([new KernelRow("f", "one_f32", "One.cu", null, new LaunchShape(3, 256, 5, 2, 1000), new KernelResources(40, 8, 16, 24, 512), 7e6, 2.5e6)]));
        Assert.Equal([["f", "one_f32", "30 x 256", "40", "40", "1512", "7.00", "2.50"]], table.Rows);
    }

    [Fact]
    public void KernelsCheck_Tables_HoldWhatWasFound()
    {
        var (table, json) = Both("kernels", "check", "softmax", "--device", "cpu");
        Assert.Equal(["entry", "case", "worst output", "error", "bound", "error / bound", "bits", "verdict"], table.Headers);
        Assert.Equal(json.AsArray().Select(static one => new[]
        {
            (string)one!["entry"]!, (string)one["case"]!, (string)one["buffer"]!, Number(one["error"]!, "0.00e-00"), Number(one["bound"]!, "0.00e-00"), Number(one["error_over_bound"]!, "F3"), "equal", "right",
        }), table.Rows);
        Assert.All(json.AsArray(), static one => Assert.Equal((double)one!["error"]! / (double)one["bound"]!, (double)one["error_over_bound"]!, 1e-12));

        var resources = new Dictionary<string, KernelResources> { ["sm_86"] = new(1, 2, 0, 0, 3), ["sm_90"] = new(30, 8, 0, 0, 512) };
        table = Parse(KernelsCheckCommand.Table([new CheckedKernel("f", "one_f32", Compiles: "a", Twin: "b", Order: "c", Cuda: "d", Ptx: "e", resources, 1.5, []), new CheckedKernel("f", "two_f32", "a", "b", "c", "d", "e", null, 2, [])]));
        Assert.Equal(["kernel", "compiles", "twin", "accesses, orders", "CUDA source", "PTX", "registers", "stack, B", "shared, B", "seconds"], table.Headers);
        Assert.Equal([["one_f32", "a", "b", "c", "d", "e", "30", "8", "512", "1.5"], ["two_f32", "a", "b", "c", "d", "e", "", "", "", "2.0"]], table.Rows);

        static string Number(JsonNode value, string format) => ((double)value).ToString(format, CultureInfo.InvariantCulture);
    }

    [Fact]
    public void DryRun_Table_HoldsTheJson()
    {
        string[] command = ["reproduce", "--dry-run", "--preset", "reference", "--models", "mix", "uniter", "--folds", "3", "--output-dir", world.New()];
        var (tables, json) = (MarkdownTable.ParseAll(Shell.Run(command).AssertDone().Output), JsonNode.Parse(Shell.Run([.. command, "--json"]).AssertDone().Output)!);
        Assert.Equal(2, tables.Length);
        var (table, memory) = (tables[0], tables[1]);
        Assert.Equal(["model", "stage", "runs", "steps", "batch", "parameters", "GFLOP a step", "disk a run, GB"], table.Headers);
        Assert.Equal(json["runs"]!.AsArray().Select(static run => new[]
        {
            (string)run!["model"]!, (string)run["stage"]!, Whole(run["runs"]!), Whole(run["steps"]!), Whole(run["batch"]!), Whole(run["parameters"]!),
            Billions(run["flops_per_step"]!, "N1"), Billions(run["disk_bytes"]!, "N2"),
        }), table.Rows[..^1]);
        Assert.Equal(["memory, GB", "stage", "weights", "gradients", "moments", "activations", "peak", "floor"], memory.Headers);
        Assert.Equal(json["runs"]!.AsArray().Select(static run => new[] { (string)run!["model"]!, (string)run["stage"]! }
            .Concat(new[] { "weight_bytes", "gradient_bytes", "moment_bytes", "activation_bytes" }.Select(part => Billions(run["memory"]![part]!, "N2")))
            .Append(Billions(run["device_bytes"]!, "N2")).Append(Billions(run["memory"]!["floor_bytes"]!, "N2")).ToArray()), memory.Rows);
        double flops = json["runs"]!.AsArray().Sum(static run => (int)run!["runs"]! * (int)run["steps"]! * (double)run["flops_per_step"]!);
        double disk = json["runs"]!.AsArray().Sum(static run => (int)run!["runs"]! * (double)run["disk_bytes"]!);
        Assert.Equal(["all", "", "8", "", "", "", $"{flops / 1e15:N1} PFLOP in all", $"{disk / 1e9:N1} in all"], table.Rows[^1]);
        Assert.Equal((8, flops, disk), ((int)json["total_runs"]!, (double)json["total_flops"]!, (double)json["total_disk_bytes"]!));

        static string Billions(JsonNode value, string format) => ((double)value / 1e9).ToString(format, CultureInfo.InvariantCulture);
    }

    [Fact]
    public void DryRun_Data_IsLookedAt()
    {
        string data = world.CopyOfData(), vocabulary = Path.Combine(data, "vocab.txt"), elsewhere = world.New() + ".txt";
        File.Move(vocabulary, elsewhere);
        File.Delete(Path.Combine(data, "test_b", "label.tsv"));
        string[] command = ["reproduce", "--dry-run", "--preset", "micro", "--models", "mix", "uniter-roformer", "--data", data, .. TinyData.Overrides.SelectMany(static text => new[] { "--set", text })];
        var missing = Shell.Run(command);
        Assert.Equal((1, $"error: {vocabulary}: there is no such file; pass --encoder DIR, whose vocabulary is used, or --vocab FILE\n"), (missing.ExitCode, missing.Error));
        var tables = MarkdownTable.ParseAll(Shell.Run([.. command, "--vocab", elsewhere]).AssertDone().Output);
        Assert.Equal(3, tables.Length);
        Assert.Equal(["data", "files", "MB", ""], tables[0].Headers);
        Assert.Equal(
        [
            ("videos for pretraining", "2", ""), ("videos of pairs", "1", ""), ("labelled pairs", "1", $"{TinyData.Pairs} pairs"), ("videos of test_b", "1", ""),
            ("tags", "1", $"{TinyData.Tags} tags"), ("vocabulary", "1", $"{File.ReadLines(elsewhere).Count()} pieces"), ("labels of test_b", "0", "none: scores are left out"),
        ], tables[0].Rows.Select(static row => (row[0], row[1], row[3])));
        File.AppendAllText(Path.Combine(data, "tag_list.txt"), "x\n");
        File.WriteAllBytes(Path.Combine(data, "pairwise", "pairwise.tfrecords"), [1, 2, 3]);
        var broken = Shell.Run([.. command, "--vocab", elsewhere]);
        Assert.Equal(1, broken.ExitCode);
        Assert.Equal(2, broken.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("tag_list.txt: line 41: 'x' is not a tag id", broken.Error, StringComparison.Ordinal);
        Assert.Contains("pairwise.tfrecords: record 0 (at byte 0): the file is truncated", broken.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists("reproduction"));
    }

    [Fact]
    public void Vocabulary_OfEachType_IsTakenFromItsOption()
    {
        string data = world.CopyOfData(), bert = world.New() + ".txt", roformer = world.New() + ".txt", output = world.New();
        File.Move(Path.Combine(data, "vocab.txt"), bert);
        File.WriteAllText(roformer, File.ReadAllText(bert) + "天地\n");
        Shell.Run(CommandWorld.Pretrain(data, output)).AssertFailed(1, "vocab.txt: there is no such file; pass --encoder DIR, whose vocabulary is used, or --vocab FILE");
        Shell.Run(CommandWorld.Pretrain(data, output, "--vocab", "robert=x")).AssertFailed(2, "'robert' is not known; use one of bert, roformer");
        Shell.Run(CommandWorld.Pretrain(data, output, "--vocab", bert, roformer)).AssertFailed(2, "a path without a type is given twice");
        Shell.Run(CommandWorld.Pretrain(data, output, "--vocab", "bert=")).AssertFailed(2, "the path is missing");
        Shell.Run([.. CommandWorld.Pretrain(data, output), "--vocab", $"roformer={roformer}", $"bert={bert}"]).AssertDone();
        Assert.Equal(File.ReadAllText(bert), File.ReadAllText(Path.Combine(output, "last", "vocab.txt")));
        output = world.New();
        Shell.Run(["reproduce", "--models", "mix-roformer", "--folds", "1", "--data", data, "--output-dir", output, .. CommandWorld.Options, "--vocab", $"roformer={roformer}", bert]).AssertDone();
        Assert.Equal(File.ReadAllText(roformer), File.ReadAllText(Path.Combine(output, "mix-roformer", "fold-1", "last", "vocab.txt")));
        string[] plain = CommandWorld.Pretrain(data, world.New(), "--vocab", bert);
        plain[Array.IndexOf(plain, "mix")] = "mix-roformer";
        Assert.Contains($"{bert}: has no Chinese word of several characters", Shell.RunAloud(plain).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ReproduceAndEvaluate_Tables_HoldTheSummary()
    {
        string output = world.New(), data = world.CopyOfData();
        File.WriteAllText(Path.Combine(data, "truth.json"), """{ "test_b": { "best_possible_spearman": 0.87654 } }""");
        string[] command = ["reproduce", "--data", data, "--output-dir", output, "--models", "mix", "--folds", "2", .. CommandWorld.Options];
        var table = MarkdownTable.Parse(Shell.Run(command).AssertDone().Output);
        var summary = JsonNode.Parse(File.ReadAllText(Path.Combine(output, "summary.json")))!;
        var (mix, baselines, ensemble) = (summary["models"]!["mix"]!, summary["baselines"]!, summary["ensemble"]!);
        var timing = JsonNode.Parse(File.ReadAllText(Path.Combine(output, "timing.json")))!;
        var seconds = timing["models"]!["mix"]!;
        Assert.Equal(
        [
            ["mix, random weights", Score(mix["random_spearman"]!)],
            ["mix, pretrained", Score(mix["pretrain_spearman"]!)],
            .. mix["folds"]!.AsArray().Select(static fold => new[] { $"mix, fold {fold!["fold"]} (validation {Score(fold["val_spearman"]!)})", Score(fold["test_spearman"]!) }),
            ["mix, mean of 2 folds", Score(mix["test_spearman"]!)],
            ["baseline: cosine of mean frames", Score(baselines["mean_frame_cosine"]!)],
            ["baseline: overlap of titles", Score(baselines["title_overlap"]!)],
            ["baseline: linear probe", Score(baselines["linear_probe"]!)],
            ["ensemble, weights 0.17 (result.zip)", Score(ensemble["test_spearman"]!)],
            ["ensemble, embeddings scaled to length 1", Score(ensemble["normalized_test_spearman"]!)],
            ["best possible (noise-free similarities)", "0.8765"],
            [$"seconds, mix: pretrain {Seconds(seconds["pretrain"]!)}, finetune {Seconds(seconds["finetune"]!)}, embed {Seconds(seconds["embed"]!)}",
                ((double)seconds["pretrain"]! + (double)seconds["finetune"]! + (double)seconds["embed"]!).ToString("F0", CultureInfo.InvariantCulture)],
            ["seconds, on cpu (1 threads)", Seconds(timing["seconds"]!)],
        ], table.Rows);

        var (evaluated, score) = Both("evaluate", "--embeddings", Path.Combine(output, "result.zip"), "--labels", Path.Combine(world.Data, "test_b", "label.tsv"));
        Assert.Equal([[Score(ensemble["test_spearman"]!)]], evaluated.Rows);
        Assert.Equal((double)ensemble["test_spearman"]!, (double)score["spearman"]!);

        static string Score(JsonNode value) => ((double)value).ToString("F4", CultureInfo.InvariantCulture);

        static string Seconds(JsonNode value) => ((double)value).ToString("F0", CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Study_Table_HoldsTheClaims()
    {
        var table = Parse(ReproduceCommand.Table(new StudySummary([1, 2, 3], [new ClaimResult("one helps", "score", [0.5, 0.6, 0.7], [0.4, 0.55, 0.1]), new ClaimResult("two", "other", [0.1], [0.35])], 5, "cpu")));
        Assert.Equal(["claim", "measure", "with", "without", "mean gain", ""], table.Headers);
        Assert.Equal([["one helps", "score", "0.5000 0.6000 0.7000", "0.4000 0.5500 0.1000", "0.2500", "agrees"], ["two", "other", "0.1000", "0.3500", "-0.2500", "disagrees"]], table.Rows);
    }

    // Times differ from run to run; work and launches do not.
    [Fact]
    public void Bench_Table_HoldsTheWorkOverTheTimes()
    {
        var (table, json) = Both("bench", "--model", "uniter", "--stage", "finetune", "--preset", "micro", "--steps", "3", "--threads", "1");
        Assert.Equal(["uniter finetune, batch 4, cpu (1 threads)", "launches", "ms", "GFLOP/s", "GB/s"], table.Headers);
        string[] first = table.Rows[0], second = table.Rows[1];
        Assert.StartsWith("step, median", first[0], StringComparison.Ordinal);
        Assert.StartsWith("step, best", second[0], StringComparison.Ordinal);
        Assert.True(MarkdownTable.Number(second[2]) <= MarkdownTable.Number(first[2]));
        Assert.All(new[] { first, second }, row => AssertRow(row, json, hasBytes: false));
        var kernels = json["kernels"]!.AsArray().ToDictionary(static kernel => (string)kernel!["entry"]!);
        Assert.Equal(kernels.Keys.Order(), table.Rows[2..].Select(static row => row[0]).Order());
        Assert.All(table.Rows[2..], row => AssertRow(row, kernels[row[0]]!, hasBytes: true));
        double[] times = [.. table.Rows[2..].Select(static row => MarkdownTable.Number(row[2]))];
        Assert.Equal(times.OrderDescending(), times);

        // Numbers are rounded to hundredths.
        static void AssertRow(string[] row, JsonNode work, bool hasBytes)
        {
            Assert.Equal($"{work["launches"]}", row[1]);
            double milliseconds = MarkdownTable.Number(row[2]);
            AssertRate(row[3], (double)work["flops"]! / 1e6);
            if (hasBytes)
                AssertRate(row[4], (double)work["bytes"]! / 1e6);
            else
                Assert.Equal("", row[4]);

            void AssertRate(string cell, double perMillisecond) => Assert.InRange(MarkdownTable.Number(cell), perMillisecond / (milliseconds + 0.006) - 0.006,
                milliseconds < 0.006 ? double.MaxValue : perMillisecond / (milliseconds - 0.006) + 0.006);
        }
    }

    [Fact]
    public void KernelsBench_Table_HoldsTimesRatesAndSpread()
    {
        var kernels = JsonSerializer.Deserialize<BenchedKernel[]>("""
            [
                { "family": "f", "entry": "one_f32", "is_of_step": true, "launch": "mix pretrain, batch 4", "microseconds": { "median": 40, "p10": 38, "p90": 50, "samples": 10 },
                  "flops": 7, "bytes": 2000000, "floor_microseconds": 10, "error": null, "is_finite": true },
                { "family": "f", "entry": "two_f32", "is_of_step": false, "launch": "3 rows", "microseconds": { "median": 1234.56, "p10": 1000, "p90": 1100, "samples": 10 },
                  "flops": 7, "bytes": 1234560, "floor_microseconds": 1000, "error": null, "is_finite": true }
            ]
            """, SnakeCase)!;
        var table = Parse(KernelsBenchCommand.Table(kernels));
        Assert.Equal(["entry", "launch", "us", "MB", "GB/s", "of floor, %", "spread, %"], table.Headers);
        Assert.Equal([["one_f32", "mix pretrain, batch 4", "40.0", "2.00", "50.0", "25", "30"], ["two_f32", "in its checks", "1,234.6", "1.23", "1.0", "81", "8"]], table.Rows);
    }

    private static (MarkdownTable Table, JsonNode Json) Both(params string[] command) =>
        (MarkdownTable.Parse(Shell.Run(command).AssertDone().Output), JsonNode.Parse(Shell.Run([.. command, "--json"]).AssertDone().Output)!);

    private static MarkdownTable Parse(VideoSim.Cli.Output.ResultTable table)
    {
        using var text = new StringWriter { NewLine = "\n" };
        table.WriteTo(text);
        return MarkdownTable.Parse(text.ToString());
    }

    private static IEnumerable<string[]> Cells(JsonArray rows, params string[] keys) => rows.Select(row => keys.Select(key => Whole(row![key]!)).ToArray());

    private static string Whole(JsonNode value) => ((long)value).ToString("N0", CultureInfo.InvariantCulture);
}
