using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Baselines;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// The results of a reproduction whose parts are done: the scores, result.zip, summary.json and timing.json.
/// </summary>
internal sealed class ReproductionResults(ReproductionContext context, PartFolder parts, IReadOnlyList<ReproductionPart> all)
{
    private readonly ReproductionOptions _options = context.Options;

    /// <summary>Computes the scores and writes the results. One process does it at a time.</summary>
    public ReproductionResult Write()
    {
        using var claim = parts.Take(PartFolder.Collect, $"collects {_options.OutputDirectory}", context);
        using var guard = WriteGuard.Begin(() =>
        {
            if (!claim.IsOwn())
                throw new DataException($"{_options.OutputDirectory}: another process collects it; this process stops");
        });
        var records = all.Select(part => (part, parts.Record(part)!)).ToArray();
        var mixed = PartMachines.Mixed(context, records);
        if (mixed.Count > 0)
            context.Progress.Warn($"{_options.OutputDirectory}: warning: between kinds of machines and versions of the program bits can differ: {string.Join(", ", mixed)}");
        var timing = ReproductionTiming.Of(records, mixed);
        double? bestPossible = EarlierFiles.BestPossible(context.Data);
        var models = new Dictionary<string, ModelSummary>();
        var tables = new Dictionary<string, EmbeddingTable>();
        foreach (string model in _options.Models)
            (models[model], tables[model]) = Summarize(model);
        var summary = new ReproductionSummary { Models = models, Ensemble = Combine(tables), Baselines = Baselines(), BestPossibleSpearman = bestPossible };
        string file = Path.Combine(_options.OutputDirectory, ReproductionLayout.Summary);
        if (!_options.HasLabels && File.Exists(file) && JsonFile.ReadBytes(file).AsSpan().IndexOf("\"test_spearman\""u8) >= 0)
            context.Progress.Note($"{file} stays as it is: it has the scores of an earlier run with labels");
        else
            AtomicFile.Write(file, stream => JsonSerializer.Serialize(stream, summary, ReproductionJson.Default.ReproductionSummary));
        AtomicFile.Write(Path.Combine(_options.OutputDirectory, ReproductionLayout.Timing), stream => JsonSerializer.Serialize(stream, timing, ReproductionJson.Default.ReproductionTiming));
        parts.DeleteClaims(all);
        claim.Delete();
        return new ReproductionResult(summary, timing);
    }

    private (ModelSummary Summary, EmbeddingTable Table) Summarize(string model)
    {
        string root = context.FolderOf(model);
        var folds = all.Where(part => part.Model == model && part.Fold is not null).ToArray();
        var mean = Ensemble.Mean(SubmissionFile.ReadEach(folds.Select(fold => EarlierFiles.EmbeddingFile(root, fold.Run))));
        return (new ModelSummary
        {
            RandomSpearman = ScoreOf(root, ReproductionLayout.Random),
            PretrainSpearman = ScoreOf(root, ReproductionLayout.Pretrained),
            Folds = [.. folds.Select(fold => new FoldSummary(fold.Fold!.Value, RunCheckpoints.ReadNewest(parts.RunOf(fold)).LastSpearman, ScoreOf(root, fold.Run)))],
            TestSpearman = context.Note($"{model}, mean of {folds.Length} folds", mean),
        }, mean);
    }

    private double? ScoreOf(string root, string run) => _options.HasLabels ? context.Score(SubmissionFile.Read(EarlierFiles.EmbeddingFile(root, run))) : null;

    // The published ensemble. result.zip has the raw sum.
    private EnsembleSummary Combine(Dictionary<string, EmbeddingTable> tables)
    {
        var members = tables.Select(entry => (entry.Value, ModelZoo.Find(entry.Key).EnsembleWeight)).ToArray();
        var raw = Ensemble.WeightedSum(members, normalize: false);
        SubmissionFile.Write(Path.Combine(_options.OutputDirectory, ReproductionLayout.Submission), raw, EmbeddingRounding.Double);
        return new EnsembleSummary(context.Score(raw), context.Score(Ensemble.WeightedSum(members, normalize: true)),
            tables.Keys.ToDictionary(model => model, model => ModelZoo.Find(model).EnsembleWeight), tables.ToDictionary(entry => entry.Key, entry => Ensemble.MeanNorm(entry.Value)));
    }

    private BaselineScores? Baselines()
    {
        if (!_options.HasLabels)
            return null;
        var data = context.Data;
        int width = context.FrameWidth;
        return BaselineScores.Compute(context.Device, Read(data.Pairwise, data.Labels), Read(data.Test("b"), data.TestLabels("b")), _options.Seed, context.Cancellation);

        LabelledVideos Read(string records, string labels) =>
            LabelledVideos.Read(data.Format.Open([records], width, _options.SkipBadRecords, progress: context.Progress, cancellation: context.Cancellation), labels, context.Cancellation);
    }
}
