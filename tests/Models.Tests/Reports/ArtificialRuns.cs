using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Models.Baselines;
using VideoSim.Models.Metrics;
using VideoSim.Models.Records;
using VideoSim.Models.Reports;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;
using VideoSim.Tests.Shared;

namespace VideoSim.Models.Tests.Reports;

/// <summary>Folders of runs with the files that training writes, and numbers that were never trained.</summary>
internal static class ArtificialRuns
{
    /// <summary>A title with everything that could break a page.</summary>
    internal const string HostileTitle = "<script>alert(\"1\")</script> & 'quotes' \u202Eabc \u0007 中文标题";

    internal const int Pairs = 120, Videos = 40, TestVideos = 30;

    private static readonly string[] Folds = ["pretrain", .. Enumerable.Range(1, 11).Select(static fold => $"fold-{fold}")];

    /// <summary>The folder of a reproduction: six models with a pretraining and eleven folds each.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="steps">Steps of a run; each has a line.</param>
    internal static void WriteReproduction(string folder, int steps)
    {
        Directory.CreateDirectory(folder);
        WriteJson(Path.Combine(folder, "args.json"), new JsonObject { ["command"] = "reproduce", ["preset"] = "tiny", ["seed"] = 42, ["data"] = "synthetic", ["skip_bad_records"] = false });
        WriteData(Path.Combine(folder, "data"));
        foreach (string model in ModelZoo.Names)
        {
            foreach (string run in Folds)
                WriteRun(Path.Combine(folder, model, run), model, run == "pretrain" ? null : int.Parse(run.AsSpan(5), CultureInfo.InvariantCulture), steps, Path.Combine(folder, "data"));
        }
        WriteEmbeddings(folder);
    }

    /// <summary>The folder of one run.</summary>
    internal static void WriteRun(string folder, string model, int? fold, int steps, string data = "/nowhere", bool complete = true)
    {
        Directory.CreateDirectory(folder);
        string stage = fold is null ? "pretrain" : "finetune";
        int seed = ModelZoo.Names.IndexOf(model) * 100 + (fold ?? 0);
        var random = new Random(seed);
        var arguments = new JsonObject { ["command"] = stage, ["preset"] = "tiny", ["seed"] = 42, ["data"] = data, ["version"] = "0.1.0", ["model"] = new JsonObject { ["model"] = model }, [stage] = new JsonObject { ["steps"] = steps } };
        if (fold is not null)
            arguments["fold"] = fold;
        WriteJson(Path.Combine(folder, "args.json"), arguments);
        ScoredPair[] pairs = [.. Enumerable.Range(0, Pairs).Select(i =>
        {
            double label = i % 11 / 10.0;
            return new ScoredPair(TinyData.Id(i % Videos), TinyData.Id((i * 7 + 1) % Videos), label, 0.2 + 0.3 * label + 0.4 * random.NextDouble());
        })];
        double score = Spearman.Correlation([.. pairs.Select(static pair => pair.Cosine)], [.. pairs.Select(static pair => pair.Label)])!.Value;
        var metrics = new StringBuilder("{\"step\":0,\"val_spearman\":0.3}\n");
        var timing = new StringBuilder();
        for (int step = 1; step <= steps; step++)
        {
            double part = (double)step / steps;
            metrics.Append(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"loss\":{10 / (1 + 5 * part) + random.NextDouble()},\"learning_rate\":{5e-4 * (1 - part)},\"encoder_learning_rate\":{3e-5 * (1 - part)},\"grad_norm\":{0.5 + random.NextDouble()}}}\n");
            if (step % Math.Max(1, steps / 20) == 0 || step == steps)
                metrics.Append(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"val_spearman\":{(step == steps ? score : 0.3 + (score - 0.3) / 0.6 * part * (1.6 - part) + random.NextDouble() / 50)}}}\n");
            timing.Append(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"time\":\"2026-11-29T00:00:00Z\",\"session\":1,\"seconds\":0.5,\"input\":0.05,\"train\":0.35,\"validation\":0.06,\"saving\":0.02,\"samples_per_second\":{60 + 10 * random.NextDouble()},\"memory_bytes\":{1_500_000_000 + seed}}}\n");
        }
        File.WriteAllText(Path.Combine(folder, "metrics.jsonl"), metrics.ToString());
        File.WriteAllText(Path.Combine(folder, "timing.jsonl"), timing.ToString());
        File.WriteAllText(Path.Combine(folder, "validation.tsv"), string.Concat(pairs.Select(static pair =>
            string.Create(CultureInfo.InvariantCulture, $"{pair.Left}\t{pair.Right}\t{pair.Label}\t{pair.Cosine}\n"))));
        WriteJson(Path.Combine(folder, "embeddings.json"), new JsonObject
        {
            ["videos"] = Videos, ["width"] = 256, ["norm_mean"] = 8 + random.NextDouble(), ["norm_deviation"] = 0.4, ["norm_min"] = 6.1, ["norm_max"] = 9.9, ["effective_rank"] = 40 + random.NextDouble(), ["mean_cosine"] = 0.31, ["near_duplicates"] = 2,
        });
        WriteJson(Path.Combine(folder, "environment.json"), new JsonObject { ["sessions"] = new JsonArray(Session(0), Session(steps / 2)) });
        File.WriteAllText(Path.Combine(folder, "inputs.json"), new JsonArray(new JsonObject { ["path"] = $"{data}/pairwise/label.tsv", ["bytes"] = 4321, ["sha256"] = new string('a', 64) }).ToJsonString());
        if (complete)
            Directory.CreateDirectory(Path.Combine(folder, "last"));

        JsonObject Session(int from) => new()
        {
            ["started"] = "2026-11-29T00:00:00Z", ["from_step"] = from, ["command_line"] = new JsonArray("videosim", stage, "--output-dir", "a folder"), ["version"] = "0.1.0", ["commit"] = "0123456", ["machine"] = "2 cores",
            ["processor"] = "AMD EPYC", ["os"] = "Linux", ["dotnet"] = ".NET 10", ["device"] = "cpu", ["threads"] = 2,
        };
    }

    /// <summary>Adds a line to a file of a run.</summary>
    internal static void Append(string run, string file, string text) => File.AppendAllText(Path.Combine(run, file), text);

    private static void WriteData(string data)
    {
        Directory.CreateDirectory(Path.Combine(data, "pairwise"));
        Directory.CreateDirectory(Path.Combine(data, "test_b"));
        TinyData.WriteRecords(Path.Combine(data, "pairwise", "pairwise.tfrecords"), Enumerable.Range(0, Videos).Select(video => new ExampleWriter()
            .WriteVideo(Encoding.ASCII.GetBytes(TinyData.Id(video)), Encoding.UTF8.GetBytes($"{HostileTitle} {video}"), "nan"u8, new Half[4], 4, [], null).ToArray()));
        File.WriteAllText(Path.Combine(data, "test_b", "label.tsv"), string.Concat(Enumerable.Range(0, 100).Select(i => string.Create(CultureInfo.InvariantCulture, $"{i % TestVideos}\t{(i * 3 + 1) % TestVideos}\t{i % 10 / 10.0}\n"))));
    }

    private static void WriteEmbeddings(string folder)
    {
        var models = new Dictionary<string, ModelSummary>();
        foreach (string model in ModelZoo.Names)
        {
            for (int fold = 1; fold <= 11; fold++)
            {
                var random = new Random(fold + 50 * ModelZoo.Names.IndexOf(model));
                var table = new EmbeddingTableBuilder("artificial");
                for (int video = 0; video < TestVideos; video++)
                    table.Add(video.ToString(CultureInfo.InvariantCulture), [.. Enumerable.Range(0, 8).Select(_ => (float)random.NextDouble())]);
                Directory.CreateDirectory(Path.Combine(folder, model, "embeddings"));
                SubmissionFile.Write(Path.Combine(folder, model, "embeddings", $"fold-{fold}.zip"), table.Build(), EmbeddingRounding.Half);
            }
            models[model] = new ModelSummary { RandomSpearman = 0.1, PretrainSpearman = 0.4, TestSpearman = 0.7, Folds = [.. Enumerable.Range(1, 11).Select(static fold => new FoldSummary(fold, 0.6, 0.61 + fold / 1e3))] };
        }
        var members = ModelZoo.Names.Select(model => (Ensemble.Mean([.. Enumerable.Range(1, 11).Select(fold => SubmissionFile.Read(Path.Combine(folder, model, "embeddings", $"fold-{fold}.zip")))]), ModelZoo.Find(model).EnsembleWeight)).ToArray();
        double score = Scoring.Spearman(Ensemble.WeightedSum(members, normalize: false), Path.Combine(folder, "data", "test_b", "label.tsv"))!.Value;
        File.WriteAllText(Path.Combine(folder, "summary.json"), JsonSerializer.Serialize(new ReproductionSummary
        {
            Models = models, Baselines = new BaselineScores(0.2, 0.3, 0.45), BestPossibleSpearman = 0.94,
            Ensemble = new EnsembleSummary(score, score, new Dictionary<string, double>(), new Dictionary<string, double>()),
        }, ReproductionJson.Default.ReproductionSummary));
    }

    private static void WriteJson(string file, JsonObject value) => File.WriteAllText(file, value.ToJsonString());
}
