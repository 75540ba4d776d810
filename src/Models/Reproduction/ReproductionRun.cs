using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Architectures;
using VideoSim.Models.Baselines;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Submissions;
using VideoSim.Models.Synthesis;
using VideoSim.Models.Text;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// The published procedure from data to submission: pretrain, finetune folds, embed test_b, average, score. Every
/// stage writes its result to its own file, so a run that was stopped continues where it stopped.
/// </summary>
public sealed class ReproductionRun
{
    private readonly Device _device;
    private readonly ReproductionOptions _options;
    private readonly DataFolder _data;
    private readonly IProgressSink _progress;
    private readonly TimeProvider _clock;
    private readonly CancellationToken _cancellation;

    private ReproductionRun(Device device, ReproductionOptions options, IProgressSink progress, TimeProvider clock, CancellationToken cancellation)
    {
        (_device, _options, _progress, _clock, _cancellation) = (device, options, progress, clock, cancellation);
        _data = new DataFolder(options.Data ?? Path.Combine(options.OutputDirectory, ReproductionLayout.Data));
    }

    private bool HasLabels => File.Exists(_data.TestLabels("b"));

    /// <summary>
    /// Runs everything that is not done yet, and writes result.zip and summary.json. If there are no labels of test_b,
    /// scores are left out. The challenge did not publish these labels.
    /// </summary>
    public static ReproductionSummary Run(Device device, ReproductionOptions options, IProgressSink progress, TimeProvider clock, CancellationToken cancellation)
    {
        long start = clock.GetTimestamp();
        if (options.Data is not null && (options.Overwrite || !new RunInputs(options.OutputDirectory).Exist))
            RequireInputs(options, new DataFolder(options.Data));
        if (options.Data is not null)
            EarlierFiles.BestPossible(new DataFolder(options.Data));
        // Existing results in the folder are used as they are, so they must come from the same options. Folds and
        // models may be added.
        using var folder = RunFolder.Open(options.OutputDirectory, new JsonObject
        {
            ["command"] = ReproductionLayout.Command,
            ["preset"] = options.Preset,
            ["seed"] = options.Seed,
            ["data"] = options.Data is null ? ReproductionLayout.MadeData : new DataFolder(options.Data).FullPath,
            ["skip_bad_records"] = options.SkipBadRecords,
            ["video_disjoint"] = options.VideoDisjoint,
            ["jieba_dict_sha256"] = options.Dictionary?.Sha256,
            ["precision"] = options.Precision is { } precision ? PrecisionName.Of(precision) : null,
            ["set"] = new JsonArray([.. Override.Effective(options.Overrides).Select(text => (JsonNode)text)]),
        }, layout: new ReproductionLayout(), overwrite: options.Overwrite, inputs: options.InputFiles());
        var reproduction = new ReproductionRun(device, options, progress, clock, cancellation);
        if (!folder.IsNew)
            EarlierFiles.Require(options.OutputDirectory, options.Models, options.FoldsOf);
        string file = Path.Combine(options.OutputDirectory, ReproductionLayout.Summary);
        AtomicFile.RequireWritable(file);
        reproduction.Begin(folder);
        double? bestPossible = EarlierFiles.BestPossible(reproduction._data);
        if (!reproduction.HasLabels)
            progress.Note($"{reproduction._data.TestLabels("b")}: there is no such file; scores are left out");
        var models = new Dictionary<string, ModelSummary>();
        var tables = new Dictionary<string, EmbeddingTable>();
        foreach (string model in options.Models)
            (models[model], tables[model]) = reproduction.RunModel(model);
        var ensemble = reproduction.Combine(tables);
        var result = new ReproductionSummary
        {
            Models = models,
            Baselines = reproduction.Baselines(),
            Ensemble = ensemble,
            BestPossibleSpearman = bestPossible,
            Seconds = clock.GetElapsedTime(start).TotalSeconds,
            Device = device.Name,
        };
        result = WithEarlierTimes(result, file);
        if (!reproduction.HasLabels && File.Exists(file) && JsonFile.ReadBytes(file).AsSpan().IndexOf("\"test_spearman\""u8) >= 0)
            progress.Note($"{file} stays as it is: it has the scores of an earlier run with labels");
        else
            AtomicFile.Write(file, stream => JsonSerializer.Serialize(stream, result, ReproductionJson.Default.ReproductionSummary));
        return result;
    }

    // A file that is there is that of the call which did the work. This call only read results.
    private static ReproductionSummary WithEarlierTimes(ReproductionSummary result, string file)
    {
        if (!File.Exists(file))
            return result;
        try
        {
            var earlier = JsonFile.Read(file, ReproductionJson.Default.ReproductionSummary);
            return earlier.Models is null ? result : result with
            {
                Seconds = earlier.Seconds,
                Device = earlier.Device,
                Models = result.Models.ToDictionary(static model => model.Key, model => earlier.Models.GetValueOrDefault(model.Key)?.Seconds is { } seconds ? model.Value with { Seconds = seconds } : model.Value),
            };
        }
        catch (DataException)
        {
            return result;
        }
    }

    /// <summary>Spearman on test_b of a finished training run that is not part of the reproduction.</summary>
    /// <param name="device">The device.</param>
    /// <param name="options">Options of the reproduction.</param>
    /// <param name="run">Folder of the run. Its embeddings are written next to it.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="clock">Measures the seconds.</param>
    /// <param name="cancellation">Stops the embedding.</param>
    internal static double ScoreFinished(Device device, ReproductionOptions options, string run, IProgressSink progress, TimeProvider clock, CancellationToken cancellation)
    {
        var reproduction = new ReproductionRun(device, options, progress, clock, cancellation);
        return reproduction.Score(reproduction.Embed(Path.GetDirectoryName(run)!, Path.GetFileName(run), () => reproduction.Finished(run)))
            ?? throw new InvalidOperationException("a study makes data with labels");
    }

    // Refuses data that a stage would refuse, without reading all videos.
    private static void RequireInputs(ReproductionOptions options, DataFolder data)
    {
        data.RequirePairs();
        data.RequireTest();
        FrameWidths.Of(data, options.Overrides, data.Pairwise, data.Test("b"));
        foreach (string model in options.Models)
        {
            options.TextOf(model).VocabularyFor(data);
            var preset = Preset.Load(options.Preset, model, options.Overrides);
            data.RequireTags(preset);
            Pretraining.RequireBatch(data, preset.Pretrain);
            Finetuning.RequireBatch(data, preset.Finetune, fold: 1, options.VideoDisjoint);
        }
    }

    // Made data is there only after the begin; of other data everything is checked before it.
    private void Begin(RunFolder folder)
    {
        if (_options.Data is null)
        {
            folder.Begin(null, _progress);
            MakeData();
        }
        var inputs = CheckInputs(folder);
        if (_options.Data is not null)
            folder.Begin(inputs, _progress);
        else if (inputs is not null)
            folder.Inputs.Require(inputs);
    }

    // Checks only the inputs that the stages do not check themselves. Returns those of a reproduction that begins.
    private FileDigest[]? CheckInputs(RunFolder folder)
    {
        string[] others = [.. _data.TagListFiles, _data.Labels, .. _options.Models.Select(model => _options.TextOf(model).VocabularyFor(_data)).Distinct()];
        if (folder.IsNew || !folder.Inputs.Exist)
        {
            RequireInputs(_options, _data);
            // Finds damage in the inputs of the last stage before the first stage runs.
            var test = _data.Format.Open([_data.Test("b")], FrameWidth, _options.SkipBadRecords, progress: _progress, cancellation: _cancellation);
            foreach (string model in _options.Models)
            {
                using var encoder = _options.TextOf(model).OpenEncoder(model);
                encoder?.Check(_cancellation);
            }
            return [.. test.Digests, .. others.Select(FileDigest.OfContent)];
        }
        if (folder.Inputs.Change(_data.Format, [_data.Test("b")], others, _cancellation) is { } change)
        {
            if (!IsEmbedded)
                throw new DataException(RunInputs.Refusal(folder.FolderPath, change));
            _progress.Note($"{folder.FolderPath} is complete and stays as it is, but {change} since it began; choose another --output-dir to do it again");
        }
        return null;
    }

    // Whether all embeddings of the requested models and folds exist.
    private bool IsEmbedded => _options.Models.All(model => Enumerable.Range(1, _options.FoldsOf(model)).All(fold => File.Exists(EarlierFiles.EmbeddingFile(Path.Combine(_options.OutputDirectory, model), ReproductionLayout.Fold(fold)))));

    private int FrameWidth => FrameWidths.Find(_data.Format, _data.Pointwise)?.Width ?? Preset.Load(_options.Preset, _options.Models[0], _options.Overrides).Model.FrameWidth;

    private void MakeData()
    {
        if (Directory.Exists(_data.Root))
            return;
        // The folder gets its name when it is complete. A run that was stopped before writes it again.
        string unfinished = Path.Combine(_options.OutputDirectory, ReproductionLayout.UnfinishedData);
        try
        {
            if (Directory.Exists(unfinished))
                Directory.Delete(unfinished, recursive: true);
            SyntheticDataset.Write(new SyntheticDatasetOptions { Seed = _options.Seed }, unfinished, _progress, _cancellation);
            Directory.Move(unfinished, _data.Root);
            DurableFolder.FlushParent(_data.Root);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(_data.Root, e, unfinished);
        }
    }

    private (ModelSummary Summary, EmbeddingTable Table) RunModel(string model)
    {
        string root = Path.Combine(_options.OutputDirectory, model), pretrained = Path.Combine(root, ReproductionLayout.Pretrained);
        var run = _options.RunOf(model, pretrained);
        double pretrainSeconds = 0, finetuneSeconds = 0, embedSeconds = 0;
        double? random = HasLabels ? Note($"{model}, random weights", Timed(ref embedSeconds, () => Embed(root, ReproductionLayout.Random, () => Untrained(run)))) : null;
        Timed(ref pretrainSeconds, () => Pretraining.Run(_device, run, _data, _progress, _cancellation));
        double? afterPretraining = HasLabels ? Note($"{model}, pretrained", Timed(ref embedSeconds, () => Embed(root, ReproductionLayout.Pretrained, () => Finished(pretrained)))) : null;
        int folds = _options.FoldsOf(model);
        var results = new List<FoldSummary>();
        for (int fold = 1; fold <= folds; fold++)
        {
            string output = Path.Combine(root, ReproductionLayout.Fold(fold));
            var one = run with { OutputDirectory = output };
            double? validation = Timed(ref finetuneSeconds, () => Finetuning.Run(_device, one, _data, pretrained, fold, _progress, _cancellation));
            var table = Timed(ref embedSeconds, () => Embed(root, ReproductionLayout.Fold(fold), () => Finished(output)));
            results.Add(new FoldSummary(fold, validation, Note($"{model}, fold {fold}", table)));
        }
        var mean = Ensemble.Mean(SubmissionFile.ReadEach(Enumerable.Range(1, folds).Select(fold => EarlierFiles.EmbeddingFile(root, ReproductionLayout.Fold(fold)))));
        return (new ModelSummary
        {
            RandomSpearman = random,
            PretrainSpearman = afterPretraining,
            Folds = results,
            TestSpearman = Note($"{model}, mean of {folds} folds", mean),
            Seconds = new StageSeconds(pretrainSeconds, finetuneSeconds, embedSeconds),
        }, mean);
    }

    private T Timed<T>(ref double seconds, Func<T> stage)
    {
        long start = _clock.GetTimestamp();
        var result = stage();
        seconds += _clock.GetElapsedTime(start).TotalSeconds;
        return result;
    }

    // The published ensemble. result.zip has the raw sum.
    private EnsembleSummary Combine(Dictionary<string, EmbeddingTable> tables)
    {
        var members = tables.Select(entry => (entry.Value, ModelZoo.Find(entry.Key).EnsembleWeight)).ToArray();
        var raw = Ensemble.WeightedSum(members, normalize: false);
        SubmissionFile.Write(Path.Combine(_options.OutputDirectory, ReproductionLayout.Submission), raw, EmbeddingRounding.Double);
        return new EnsembleSummary(Score(raw), Score(Ensemble.WeightedSum(members, normalize: true)),
            tables.Keys.ToDictionary(model => model, model => ModelZoo.Find(model).EnsembleWeight), tables.ToDictionary(entry => entry.Key, entry => Ensemble.MeanNorm(entry.Value)));
    }

    // Reports every score as soon as it is computed, so a run that is stopped has shown it.
    private double? Note(string what, EmbeddingTable table)
    {
        if (!HasLabels)
            return null;
        var (score, undefined) = Scoring.Score(table, _data.TestLabels("b"), _options.SkipBadRecords);
        _progress.Note(string.Create(CultureInfo.InvariantCulture, $"{what}: Spearman on test_b {(undefined is null ? $"{score:F4}" : $"undefined, because {undefined}")}"));
        return score;
    }

    private double? Score(EmbeddingTable table) => HasLabels ? Scoring.Spearman(table, _data.TestLabels("b"), _options.SkipBadRecords) : null;

    // Embeddings of test_b as in a submission: rounded to half precision and read back from their file.
    private EmbeddingTable Embed(string root, string name, Func<(IVideoModel Model, ModelConfig Config, ITokenizer Tokenizer, TagList Tags)> load)
    {
        string file = EarlierFiles.EmbeddingFile(root, name);
        if (!File.Exists(file))
        {
            var (model, config, tokenizer, tags) = load();
            using var parameters = model.Parameters;
            using var embedder = new Embedder(_device, model, config, _options.Eager);
            var index = _data.Format.Open([_data.Test("b")], config.FrameWidth, _options.SkipBadRecords, progress: _progress, cancellation: _cancellation);
            SubmissionFile.Write(file, embedder.EmbedAll(index, tokenizer, tags, _progress, _cancellation), EmbeddingRounding.Half);
        }
        return SubmissionFile.Read(file);
    }

    private (IVideoModel, ModelConfig, ITokenizer, TagList) Untrained(RunOptions run)
    {
        using var encoder = run.Text.OpenEncoder(run.Model);
        var vocabulary = encoder?.Vocabulary ?? Vocabulary.Load(run.Text.VocabularyFor(_data));
        var tags = _data.ReadTags();
        var config = run.LoadPreset(encoder, FrameWidth).For(vocabulary.Count, tags.ClassCount).Model;
        var model = ModelZoo.Create(config);
        model.Parameters.Allocate(_device, training: false);
        model.Parameters.Initialize(run.Seed);
        encoder?.LoadInto(model.Parameters);
        return (model, config, TokenizerFactory.Create(config, vocabulary, run.Dictionary), tags);
    }

    private (IVideoModel, ModelConfig, ITokenizer, TagList) Finished(string run)
    {
        var folder = ModelFolder.Open(run, _options.Dictionary);
        return (folder.Load(_device, training: false), folder.Configuration, folder.Tokenizer, folder.Tags);
    }

    // Fast, so a run that was stopped computes them again.
    private BaselineScores? Baselines()
    {
        if (!HasLabels)
            return null;
        int width = FrameWidth;
        return BaselineScores.Compute(_device, Read(_data.Pairwise, _data.Labels), Read(_data.Test("b"), _data.TestLabels("b")), _options.Seed, _cancellation);

        LabelledVideos Read(string records, string labels) =>
            LabelledVideos.Read(_data.Format.Open([records], width, _options.SkipBadRecords, progress: _progress, cancellation: _cancellation), labels, _cancellation);
    }
}
