using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Text;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Training;

/// <summary>
/// Training on single videos with tags (docs/reference-system.md, sections 4.7, 5 and 6): fresh weights, validated on
/// all labelled pairs. Without tags, <c>pretrain.losses.tag_weight</c> must be 0; the other losses remain.
/// </summary>
public static class Pretraining
{
    /// <summary>Runs or continues a pretraining run; a complete run is not repeated.</summary>
    /// <returns>
    /// Spearman on all labelled pairs after the last step; null without pairs, or if it is undefined.
    /// </returns>
    public static double? Run(Device device, RunOptions options, DataFolder data, IProgressSink progress, CancellationToken cancellation)
    {
        string vocabularyFile = options.Text.VocabularyFor(data);
        using var encoder = options.Text.OpenEncoder(options.Model);
        var vocabulary = encoder?.Vocabulary ?? Vocabulary.Load(vocabularyFile);
        string[] pairFiles = data.HasPairs ? [data.Pairwise] : [];
        int? width = FrameWidths.Of(data, options.Overrides, pairFiles);
        var sizes = options.LoadPreset(encoder, width, options.Schedule("pretrain", () => CountVideos(data, options, width, cancellation), progress));
        var tags = data.ReadTags(sizes.Pretrain, "pretrain");
        var preset = sizes.For(vocabulary.Count, tags.ClassCount);
        Preset.RequireDataSizes(options.Overrides, ("model.tags", tags.ClassCount, data.TagList), ("model.encoder.vocab_size", vocabulary.Count, vocabularyFile));
        var config = preset.Model;
        var precision = TrainingConfig.Require(preset.Pretrain.Precision, device);
        PlannedRuns.RequireMemory(device, preset, pretraining: true);
        if (preset.Pretrain.EarlyStoppingPatience > 0 && !data.HasPairs)
            throw new DataException($"{data.Labels}: there is no such file; pretrain.early_stopping_patience={preset.Pretrain.EarlyStoppingPatience} needs labelled pairs for validations");
        // A run that has begun reports changes of its inputs.
        if (options.Overwrite || !new RunInputs(options.OutputDirectory).Exist)
        {
            RequireBatch(data, preset.Pretrain);
            if (data.HasPairs)
                data.ReadPairs();
        }
        var tokenizer = TokenizerFactory.Create(config, vocabulary, options.Dictionary);
        using var folder = RunFolder.Open(options.OutputDirectory, new JsonObject
        {
            ["command"] = RunArguments.Pretrain,
            ["preset"] = options.Preset,
            ["seed"] = options.Seed,
            ["data"] = data.FullPath,
            ["skip_bad_records"] = options.SkipBadRecords,
            ["encoder"] = encoder is null ? null : Path.TrimEndingDirectorySeparator(Path.GetFullPath(encoder.FolderPath)),
            ["vocabulary_sha256"] = vocabulary.Sha256,
            ["jieba_dict_sha256"] = tokenizer.DictionarySha256,
            ["tag_list_sha256"] = tags.Sha256,
            ["model"] = JsonSerializer.SerializeToNode(config, ConfigurationJson.Default.ModelConfig),
            ["pretrain"] = JsonSerializer.SerializeToNode(preset.Pretrain, ConfigurationJson.Default.TrainingConfig),
        }, [vocabularyFile, data.TagList], overwrite: options.Overwrite, mayGrow: !options.IsPart, tuning: device.Tuning,
            inputs: [.. options.Files, .. options.Text.InputFiles(), .. new[] { data.Labels, data.TagList, data.Vocabulary }.Concat(data.Pointwise).Concat(pairFiles).Select(static file => new InputFile("--data", file))]);
        string[] labels = data.HasPairs ? [data.Labels] : [];
        string[] others = [.. labels, .. data.TagListFiles, .. encoder?.Files ?? [vocabularyFile]];
        if (folder.IsComplete)
            return folder.TakeFinished(data.Format, [.. data.Pointwise, .. pairFiles], others, progress, cancellation);

        encoder?.Check(cancellation);
        if (config.Encoder.ModelType == EncoderConfig.RoFormer && !vocabulary.HasChineseWords)
            progress.Note($"{vocabularyFile}: has no Chinese word of several characters; the vocabulary of a BERT has none, that of a RoFormer has thousands");
        var videos = data.Format.Open(data.Pointwise, config.FrameWidth, options.SkipBadRecords, Environment.ProcessorCount, progress, cancellation);
        var pairVideos = data.HasPairs ? data.Format.Open(pairFiles, config.FrameWidth, options.SkipBadRecords, progress: progress, cancellation: cancellation) : null;
        RequireBatch(data, preset.Pretrain, videos.Count);
        FileDigest[] inputs = [.. videos.Digests, .. pairVideos?.Digests ?? [], .. others.Select(FileDigest.OfContent)];
        var validation = pairVideos is null ? null : new PairValidation(pairVideos, tokenizer, tags, LabelFile.Read(data.Labels, pairVideos, progress));
        if (validation is null)
            progress.Note($"{data.Labels}: there is no such file; without labelled pairs the run is not validated and has no best model");
        folder.Begin(inputs, progress);
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: true, precision, preset.Pretrain.KeepsGradients);
        using var embedder = new Embedder(device, model, config, options.Eager, scoresTags: tags.ClassCount > 0);
        using var loaders = new BatchLoaders(device, videos, tokenizer, tags, config.EvenFrames);
        int batch = preset.Pretrain.UpdateBatch;
        var stage = model.Pretraining(preset.Pretrain.Batch, preset.Pretrain.Losses);
        using var trainer = new Trainer(device, new TrainingJob
        {
            Label = $"{options.Model} pretrain",
            Model = model,
            StartWeights = () =>
            {
                parameters.Initialize(options.Seed);
                foreach (string line in encoder?.Report(parameters) ?? [])
                    progress.Note(line);
            },
            StartIsTrained = false,
            Config = preset.Pretrain,
            Epsilon = 1e-8 / batch, // losses are means, not sums: docs/reference-system.md, section 5.2
            Stage = stage,
            Draws = rollbacks =>
            {
                ulong root = StageSeeds.AfterRollbacks(options.Seed, rollbacks), seed = StageSeeds.Dropout(root, StageSeeds.Pretraining);
                var masker = stage.Shape.MaskedCapacity > 0 ? new TokenMasker(vocabulary, seed) : null;
                return new TrainingDraws(seed, loaders.Each(assembler =>
                {
                    var order = new EpochOrder([.. Enumerable.Range(0, videos.Count)], batch, root, StageSeeds.Pretraining);
                    return (number, parts) => assembler.Fill(order.BatchAt(number), parts, masker, number);
                }));
            },
            Validate = validation is null ? null : () => validation.Score(embedder, config.EmbeddingWidth, folder.FolderPath, cancellation),
            WriteModel = (target, state) => ModelFolder.Write(target, device, model, config, tokenizer, tags, new ModelCard
            {
                Stage = "pretraining", Preset = options.Preset, Seed = options.Seed, Recipe = preset.Pretrain, Inputs = inputs, EarlierRecipes = folder.EarlierRecipes, Progress = state,
            }),
            Eager = options.Eager,
            KeysOf = options.IsPart ? "pretrain" : null,
            Reporters = options.Reporters,
        }, folder, progress);
        return trainer.Run(cancellation);
    }

    // The videos of an epoch. Skipped records do not count, so all must be read. Other runs stop at a bad record.
    private static int CountVideos(DataFolder data, RunOptions options, int? width, CancellationToken cancellation) => options.SkipBadRecords && width is { } values
        ? data.Format.Open(data.Pointwise, values, skipBadRecords: true, Environment.ProcessorCount, cancellation: cancellation).Count
        : data.Pointwise.Sum(file => data.Format.CountUpTo(int.MaxValue, file));

    /// <summary>Refuses a folder with fewer pretraining videos than a batch has. Not all videos are read.</summary>
    /// <exception cref="DataException">There are too few videos.</exception>
    internal static void RequireBatch(DataFolder data, TrainingConfig recipe)
    {
        int count = 0;
        foreach (string file in data.Pointwise)
            count += data.Format.CountUpTo(recipe.UpdateBatch - count, file);
        RequireBatch(data, recipe, count);
    }

    private static void RequireBatch(DataFolder data, TrainingConfig recipe, int count) =>
        EpochOrder.Require(data.PointwiseFolder, "the folder", "videos", count, "pretrain", recipe.Batch, recipe.GradientAccumulationSteps);
}
