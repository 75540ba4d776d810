using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Models.Batches;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary><c>reproduce</c>: the whole procedure, from data to a scored submission.</summary>
internal static class ReproduceCommand
{
    public static Command Create()
    {
        var output = new Option<string>("--output-dir") { Description = "where everything goes", DefaultValueFactory = _ => "reproduction" };
        var data = new Option<string?>("--data") { Description = "folder with the challenge's files; without it synthetic data is made" };
        var folds = CommonOptions.Checked(
            new Option<int?>("--folds") { Description = $"folds to train, 1 to {Folds.Count}; the preset says how many otherwise" },
            (count, _) =>
            {
                if (count is < 1 or > Folds.Count)
                    throw new DataException($"--folds {count}: there are {Folds.Count} folds");
            });
        var models = CommonOptions.Models();
        Option<string> preset = CommonOptions.PresetName(), deviceName = CommonOptions.DeviceName();
        var set = CommonOptions.Set(preset);
        var dictionary = new DictionaryOption();
        var seed = CommonOptions.Seed();
        var precision = CommonOptions.Precision();
        var threads = CommonOptions.Threads();
        Option<bool> skip = CommonOptions.SkipBadRecords(), disjoint = CommonOptions.VideoDisjoint(), eager = CommonOptions.Eager(), json = CommonOptions.Json();
        var study = CommonOptions.Checked(
            new Option<string?>("--study") { Description = "claims: show the published claims again, over three seeds" },
            (name, _) =>
            {
                if (name != "claims")
                    throw new DataException($"--study {name}: there is claims");
            });
        var dryRun = new Option<bool>("--dry-run") { Description = "show every run with its steps, FLOPs, memory and disk, and do nothing" };
        var command = new Command("reproduce", "Make data, pretrain, finetune, embed, average and score; the same command again goes on where it was.")
        {
            output, preset, data, folds, seed, models, set, dictionary.Option, deviceName, precision, threads, skip, disjoint, eager, dryRun, study, json,
        };
        return command.Does((parsed, console, cancellation) =>
        {
            string[] chosen = [.. parsed.GetValue(models)!.Select(ModelZoo.Canonical).Distinct()];
            string[] overrides = CommonOptions.Overrides(parsed.GetValue(precision), parsed.GetValue(set)!);
            if (parsed.GetValue(dryRun))
            {
                var plan = ReproductionPlan.Of(parsed.GetValue(preset)!, chosen, parsed.GetValue(folds), overrides);
                console.WriteResult(Table(plan), plan, PlanJson.Default.ReproductionPlan);
                return CommandLine.Done;
            }
            using var device = CommonOptions.Open(parsed.GetValue(deviceName)!, parsed.GetValue(threads));
            var options = new ReproductionOptions
            {
                OutputDirectory = parsed.GetValue(output)!,
                Preset = parsed.GetValue(preset)!,
                Data = parsed.GetValue(data),
                Folds = parsed.GetValue(folds),
                Models = chosen,
                Overrides = overrides,
                Seed = parsed.GetValue(seed),
                Dictionary = dictionary.Read(parsed),
                SkipBadRecords = parsed.GetValue(skip),
                VideoDisjoint = parsed.GetValue(disjoint),
                Eager = parsed.GetValue(eager),
            };
            if (parsed.GetValue(study) is not null)
            {
                var claims = ClaimsStudy.Run(device, options, console.Progress, TimeProvider.System, cancellation);
                console.WriteResult(Table(claims), claims, StudyJson.Default.StudySummary);
                return CommandLine.Done;
            }
            var summary = Reproduction.Run(device, options, console.Progress, TimeProvider.System, cancellation);
            console.WriteResult(Table(summary), summary, ReproductionJson.Default.ReproductionSummary);
            return CommandLine.Done;
        }, json);
    }

    private static ResultTable Table(ReproductionSummary summary)
    {
        var table = new ResultTable().TextColumn("Spearman on test_b").NumberColumn("score");
        foreach (var (name, model) in summary.Models)
        {
            Row($"{name}, random weights", model.RandomSpearman);
            Row($"{name}, pretrained", model.PretrainSpearman);
            foreach (var fold in model.Folds)
                Row($"{name}, fold {fold.Fold} (validation {Text(fold.ValSpearman)})", fold.TestSpearman);
            Row($"{name}, mean of {model.Folds.Count} folds", model.TestSpearman);
        }
        Row("baseline: cosine of mean frames", summary.Baselines.MeanFrameCosine);
        Row("baseline: overlap of titles", summary.Baselines.TitleOverlap);
        Row("baseline: linear probe", summary.Baselines.LinearProbe);
        Row($"ensemble, weights {Weights(summary.Ensemble)} (result.zip)", summary.Ensemble.TestSpearman);
        Row("ensemble, embeddings scaled to length 1", summary.Ensemble.NormalizedTestSpearman);
        if (summary.BestPossibleSpearman is { } best)
            Row("best possible (noise-free similarities)", best);
        foreach (var (name, model) in summary.Models)
            table.Row($"seconds, {name}: pretrain {Whole(model.Seconds.Pretrain)}, finetune {Whole(model.Seconds.Finetune)}, embed {Whole(model.Seconds.Embed)}",
                Whole(model.Seconds.Pretrain + model.Seconds.Finetune + model.Seconds.Embed));
        return table.Row($"seconds, on {summary.Device}", Whole(summary.Seconds));

        void Row(string name, double score) => table.Row(name, Text(score));
    }

    private static ResultTable Table(ReproductionPlan plan)
    {
        var table = new ResultTable().TextColumn("model").TextColumn("stage").NumberColumn("runs").NumberColumn("steps").NumberColumn("batch")
            .NumberColumn("parameters").NumberColumn("GFLOP a step").NumberColumn("memory, GB").NumberColumn("disk a run, GB");
        foreach (var run in plan.Runs)
            table.Row(run.Model, run.Stage, Count(run.Runs), Count(run.Steps), Count(run.Batch), Count(run.Parameters), Count(run.FlopsPerStep / 1e9, 1),
                Count(run.DeviceBytes / 1e9, 2), Count(run.DiskBytes / 1e9, 2));
        return table.Row("all", "", Count(plan.TotalRuns), "", "", "", $"{Count(plan.TotalFlops / 1e15, 1)} PFLOP in all", "", $"{Count(plan.TotalDiskBytes / 1e9, 1)} in all");

        static string Count(double value, int decimals = 0) => value.ToString($"N{decimals}", CultureInfo.InvariantCulture);
    }

    internal static ResultTable Table(StudySummary study)
    {
        var table = new ResultTable().TextColumn("claim").TextColumn("measure").TextColumn("with").TextColumn("without").NumberColumn("mean gain").TextColumn("");
        foreach (var claim in study.Claims)
            table.Row(claim.Claim, claim.Measure, string.Join(" ", claim.With.Select(Text)), string.Join(" ", claim.Without.Select(Text)), Text(claim.Gain), claim.Verdict);
        return table;
    }

    private static string Weights(EnsembleSummary ensemble) =>
        string.Join(" ", ensemble.Weights.Values.Select(weight => weight.ToString("0.00", CultureInfo.InvariantCulture)));

    private static string Whole(double seconds) => seconds.ToString("F0", CultureInfo.InvariantCulture);

    private static string Text(double score) => score.ToString("F4", CultureInfo.InvariantCulture);
}
