using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Batches;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary><c>reproduce</c>: the whole procedure, from data to a scored submission.</summary>
internal static class ReproduceCommand
{
    public static Command Create()
    {
        var options = new ReproduceOptionSet();
        var study = CommonOptions.Checked(
            new Option<string?>("--study") { HelpName = "claims", CompletionSources = { "claims" }, Description = "claims: test the published claims with three seeds" },
            (name, _) =>
            {
                if (name != "claims")
                    throw new DataException($"--study {name}: the only study is 'claims'");
            });
        var dryRun = new Option<bool>("--dry-run") { Description = "check the folder of --data and list every run with its steps, FLOPs, memory and disk; train nothing" };
        var json = CommonOptions.Json();
        var command = new Command("reproduce", "Make data, pretrain, finetune, embed, average and score. After an interruption the same command continues.");
        options.AddTo(command);
        foreach (var option in new Option[] { dryRun, study, json })
            command.Add(option);
        var parts = new PartOptions();
        parts.AddTo(command, [dryRun, study, options.Overwrite], json);
        return command.Does((parsed, console, cancellation) =>
        {
            var chosen = options.Read(parsed, console.Progress) with { TakeoverAfter = parts.TakeoverAfter(parsed) };
            if (chosen.Data is { } data)
                CommonOptions.OpenData(data);
            options.NoteRandomWeights(parsed, chosen.Preset, console);
            if (parsed.GetValue(dryRun))
            {
                var plan = ReproductionPlan.Of(chosen, packsProducts: options.IsOnCpu(parsed));
                console.WriteResult(plan.Data is { } survey ? [Table(survey), Table(plan), MemoryTable(plan)] : [Table(plan), MemoryTable(plan)], plan, PlanJson.Default.ReproductionPlan);
                foreach (string problem in plan.Data?.Problems ?? [])
                    console.WriteError(problem);
                return plan.Data is { Problems.Count: > 0 } ? CommandLine.Failed : CommandLine.Done;
            }
            if (parts.IsPlan(parsed))
            {
                var plan = parts.Plan(parsed, chosen, options.IsOnCpu(parsed), console);
                console.WriteResult(PartOptions.Table(plan), plan, PlanJson.Default.PartsPlan);
                return CommandLine.Done;
            }
            using var device = options.OpenDevice(parsed, chosen.Tuning, console);
            if (parsed.GetValue(study) is not null)
            {
                var claims = ClaimsStudy.Run(device, chosen, console.Progress, TimeProvider.System, cancellation);
                console.WriteResult(Table(claims), claims, StudyJson.Default.StudySummary);
                return CommandLine.Done;
            }
            if (parts.Run(parsed, new ReproductionRun(device, chosen, console.Progress, TimeProvider.System, cancellation), console) is not { } result)
                return CommandLine.Done;
            ReportCommand.WriteInto(chosen.OutputDirectory, console.Progress, cancellation);
            console.WriteResult(Table(result), result.Summary, ReproductionJson.Default.ReproductionSummary);
            return CommandLine.Done;
        }, json, resumes: static _ => true);
    }

    private static ResultTable Table(ReproductionResult result)
    {
        var (summary, timing) = result;
        var table = new ResultTable().TextColumn("Spearman on test_b").NumberColumn("score");
        foreach (var (name, model) in summary.Models)
        {
            Row($"{name}, random weights", model.RandomSpearman);
            Row($"{name}, pretrained", model.PretrainSpearman);
            foreach (var fold in model.Folds)
                table.Row($"{name}, fold {fold.Fold} (validation {ScoreText(fold.ValSpearman)})", summary.Baselines is null ? "no labels" : ScoreText(fold.TestSpearman));
            Row($"{name}, mean of {model.Folds.Count} folds", model.TestSpearman);
        }
        Row("baseline: cosine of mean frames", summary.Baselines?.MeanFrameCosine);
        Row("baseline: overlap of titles", summary.Baselines?.TitleOverlap);
        Row("baseline: linear probe", summary.Baselines?.LinearProbe);
        Row($"ensemble, weights {Weights(summary.Ensemble)} (result.zip)", summary.Ensemble.TestSpearman);
        Row("ensemble, embeddings scaled to length 1", summary.Ensemble.NormalizedTestSpearman);
        Row("best possible (noise-free similarities)", summary.BestPossibleSpearman);
        foreach (var (name, seconds) in timing.Models)
            table.Row($"seconds, {name}: pretrain {Whole(seconds.Pretrain)}, finetune {Whole(seconds.Finetune)}, embed {Whole(seconds.Embed)}", Whole(seconds.Pretrain + seconds.Finetune + seconds.Embed));

        return table.Row($"seconds, on {string.Join(", ", timing.Devices)}", Whole(timing.Seconds));

        static string ScoreText(double? score) => score is { } known ? Text(known) : "undefined";

        void Row(string name, double? score)
        {
            if (score is { } known)
                table.Row(name, Text(known));
        }
    }

    private static ResultTable Table(ReproductionPlan plan)
    {
        var table = new ResultTable().TextColumn("model").TextColumn("stage").NumberColumn("runs").NumberColumn("steps").NumberColumn("batch")
            .NumberColumn("parameters").NumberColumn("GFLOP a step").NumberColumn("disk a run, GB");
        foreach (var run in plan.Runs)
        {
            table.Row(run.Model, run.Stage, Count(run.Runs), Count(run.Steps), Count(run.Batch), Count(run.Parameters), Count(run.FlopsPerStep / 1e9, 1),
                Gigabytes(run.DiskBytes));
        }

        return table.Row("all", "", Count(plan.TotalRuns), "", "", "", $"{Count(plan.TotalFlops / 1e15, 1)} PFLOP in all", $"{Count(plan.TotalDiskBytes / 1e9, 1)} in all");

        static string Count(double value, int decimals = 0) => value.ToString($"N{decimals}", CultureInfo.InvariantCulture);
    }

    private static ResultTable MemoryTable(ReproductionPlan plan)
    {
        var table = new ResultTable().TextColumn("memory, GB").TextColumn("stage").NumberColumn("weights").NumberColumn("gradients").NumberColumn("moments")
            .NumberColumn("activations").NumberColumn("peak").NumberColumn("floor");
        foreach (var run in plan.Runs)
        {
            var (weights, gradients, moments, activations, floor) = run.Memory;
            table.Row(run.Model, run.Stage, Gigabytes(weights), Gigabytes(gradients), Gigabytes(moments), Gigabytes(activations), Gigabytes(run.DeviceBytes), Gigabytes(floor));
        }
        return table;
    }

    private static ResultTable Table(DataSurvey data)
    {
        var table = new ResultTable().TextColumn("data").NumberColumn("files").NumberColumn("MB").TextColumn("");
        foreach (var part in data.Parts)
            table.Row(part.Part, part.Files.ToString("N0", CultureInfo.InvariantCulture), (part.Bytes / 1e6).ToString("N1", CultureInfo.InvariantCulture), part.Finding);
        return table;
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

    private static string Gigabytes(long bytes) => (bytes / 1e9).ToString("N2", CultureInfo.InvariantCulture);

    private static string Whole(double seconds) => seconds.ToString("F0", CultureInfo.InvariantCulture);

    private static string Text(double score) => score.ToString("F4", CultureInfo.InvariantCulture);
}

/// <summary>The options of a reproduction, and their values.</summary>
internal sealed class ReproduceOptionSet
{
    private readonly Option<string> _output = new("--output-dir") { HelpName = ValueName.Folder, Description = "folder for all results", DefaultValueFactory = _ => "reproduction" },
        _device = CommonOptions.DeviceName();
    private readonly Option<string?> _data = new("--data") { HelpName = ValueName.Folder, Description = "folder with the challenge's files, among them pairs and test_b; synthetic data is made if left out" };
    private readonly Option<ElementType?> _precision = CommonOptions.Precision();
    private readonly Option<int?> _folds = CommonOptions.Checked(
        new Option<int?>("--folds") { Description = $"number of folds to train, 1 to {Folds.Count}; that of the preset if left out" },
        static (count, _) =>
        {
            if (count is < 1 or > Folds.Count)
                throw new DataException($"--folds {count}: the number of folds is 1 to {Folds.Count}");
        });
    private readonly Option<string[]> _models = CommonOptions.Models();
    private readonly RecipeOptions _recipe = new(stage: null);
    private readonly TextOptions _text = new();
    private readonly ReportOption _report = new();
    private readonly DictionaryOption _dictionary = new();
    private readonly Option<string?> _tuning = CommonOptions.Tuning();
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<bool> _skip = CommonOptions.SkipBadRecords(), _disjoint = CommonOptions.VideoDisjoint(), _eager = CommonOptions.Eager();

    /// <summary>Deletes the reproduction that is there.</summary>
    public Option<bool> Overwrite { get; } = CommonOptions.Overwrite();

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _output, _data, _models, _folds })
            command.Add(option);
        _recipe.AddTo(command, ModelsOf);
        foreach (var option in new Option[] { _dictionary.Option, _device, _precision, _tuning, _threads, _report.Option, _skip, _disjoint, _eager, Overwrite })
            command.Add(option);
        _text.AddTo(command, ModelsOf);
        command.RequireCudaFor(_tuning, _device);
    }

    public void NoteRandomWeights(ParseResult parsed, string preset, CommandConsole console) => _text.NoteRandomWeights(parsed, preset, console);

    public bool IsOnCpu(ParseResult parsed) => parsed.GetValue(_device) == "cpu";

    /// <summary>
    /// Opens the device. The CPU may collect the results of a reproduction that a GPU has made with a tuning table.
    /// </summary>
    public Device OpenDevice(ParseResult parsed, TuningTable? tuning, CommandConsole console) =>
        CommonOptions.Open(parsed.GetValue(_device)!, parsed.GetValue(_threads), console, tuning: IsOnCpu(parsed) ? null : tuning);

    public ReproductionOptions Read(ParseResult parsed, IProgressSink progress)
    {
        string[] models = [.. ModelsOf(parsed.CommandResult)];
        var recipe = _recipe.Read(parsed, models, progress);
        string output = parsed.GetValue(_output)!;
        return new ReproductionOptions
        {
            OutputDirectory = output,
            Preset = recipe.Preset,
            Data = parsed.GetValue(_data),
            Folds = parsed.GetValue(_folds),
            Models = models,
            Text = models.ToDictionary(static model => model, model => _text.Read(parsed, model)),
            Overrides = recipe.Overrides,
            Precision = parsed.GetValue(_precision),
            Seed = recipe.Seed,
            Dictionary = _dictionary.Read(parsed),
            Files = [.. _recipe.Files(parsed), .. _dictionary.Inputs(parsed), .. CommonOptions.InputsOf(parsed, _tuning)],
            SkipBadRecords = parsed.GetValue(_skip),
            VideoDisjoint = parsed.GetValue(_disjoint),
            Eager = parsed.GetValue(_eager),
            Tuning = RunTuning.Find(parsed.GetValue(_tuning), parsed.GetValue(Overwrite) ? [] : [output], progress),
            Overwrite = parsed.GetValue(Overwrite),
            Reporters = _report.Read(parsed),
        };
    }

    // A validator does not get default values.
    private IEnumerable<string> ModelsOf(SymbolResult result) => (result.GetValue(_models) is { Length: > 0 } given ? given : [.. ModelZoo.Names]).Select(ModelZoo.Canonical).Distinct();
}
