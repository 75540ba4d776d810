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
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Training;

/// <summary>
/// Training on labelled pairs from pretrained weights, one fold at a time (docs/reference-system.md, sections 1.5,
/// 4.6, 4.7 and 5).
/// </summary>
public static class Finetuning
{
    /// <summary>
    /// Runs or continues the finetuning of one fold; a complete run is not repeated. Sizes come from the pretrained
    /// model, recipes from the preset.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="options">Folder, preset, seed.</param>
    /// <param name="data">The challenge's files.</param>
    /// <param name="pretrained">A model folder, or the folder of a pretraining run.</param>
    /// <param name="fold">1 to 11.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellation">Saves a checkpoint and stops the run.</param>
    /// <returns>Spearman on the fold's validation pairs after the last step; null if it is undefined.</returns>
    public static double? Run(Device device, RunOptions options, DataFolder data, string pretrained, int fold, IProgressSink progress, CancellationToken cancellation)
    {
        data.RequirePairs();
        var source = UsableModel.Open(pretrained, options.Dictionary, progress);
        var (tokenizer, tags, config) = (source.Tokenizer, source.Tags, source.Configuration);
        CheckTags(data, source);
        if (options.Model != config.Model)
            throw new DataException($"the model in {source.FolderPath} is {config.Model}, not {options.Model}");
        var schedule = options.Schedule("finetune", () => CountPairs(data, options, fold, config.FrameWidth, cancellation), progress);
        var preset = Preset.LoadFor(options.Preset, config, source.FolderPath, options.Overrides, schedule: schedule).In(options.Precision, options.Overrides);
        data.ReadTags(preset.Finetune, "finetune");
        var precision = TrainingConfig.Require(preset.Finetune.Precision, device);
        PlannedRuns.RequireMemory(device, preset, pretraining: false);
        // A run that has begun reports changes of its inputs.
        if (options.Overwrite || !new RunInputs(options.OutputDirectory).Exist)
        {
            FrameWidths.Require(data.Format, [data.Pairwise], config.FrameWidth, $"the model in {source.FolderPath} takes");
            RequireBatch(data, preset.Finetune, fold, options.VideoDisjoint);
        }
        string[] others = [data.Labels, .. source.Files];
        using var folder = RunFolder.Open(options.OutputDirectory, new JsonObject
        {
            ["command"] = RunArguments.Finetune,
            ["preset"] = options.Preset,
            ["seed"] = options.Seed,
            ["fold"] = fold,
            ["data"] = data.FullPath,
            ["pretrained"] = Path.TrimEndingDirectorySeparator(Path.GetFullPath(pretrained)),
            ["skip_bad_records"] = options.SkipBadRecords,
            ["video_disjoint"] = options.VideoDisjoint,
            ["jieba_dict_sha256"] = tokenizer.DictionarySha256,
            ["model"] = JsonSerializer.SerializeToNode(config, ConfigurationJson.Default.ModelConfig),
            ["finetune"] = JsonSerializer.SerializeToNode(preset.Finetune, ConfigurationJson.Default.TrainingConfig),
        }, others, overwrite: options.Overwrite, mayGrow: !options.IsPart, later: options.Later, tuning: device.Tuning,
            inputs:
            [
                .. options.Files, .. new[] { data.Pairwise, data.Labels, data.TagList }.Select(static file => new InputFile("--data", file)),
                .. source.Files.Select(static file => new InputFile("--pretrained", file)),
            ]);
        if (folder.IsComplete)
            return folder.TakeFinished(data.Format, [data.Pairwise], others, progress, cancellation);

        var videos = data.Format.Open([data.Pairwise], config.FrameWidth, options.SkipBadRecords, progress: progress, cancellation: cancellation);
        FileDigest[] inputs = [.. videos.Digests, .. others.Select(FileDigest.OfContent)];
        var pairs = LabelFile.Read(data.Labels, videos, progress);
        var split = Split(data.Labels, pairs, fold, options.VideoDisjoint);
        RequireBatch(data, preset.Finetune, split);
        var validation = new PairValidation(videos, tokenizer, tags, [.. split.Validation.Select(pair => pairs[pair])]);
        folder.Begin(inputs, progress);
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: true, precision, preset.Finetune.KeepsGradients);
        using var embedder = new Embedder(device, model, config, options.Eager);
        using var loaders = new BatchLoaders(device, videos, tokenizer, tags, config.EvenFrames);
        int batch = preset.Finetune.UpdateBatch;
        using var trainer = new Trainer(device, new TrainingJob
        {
            Label = $"{options.Model} finetune fold {fold}",
            Model = model,
            StartWeights = () => source.ReadWeights(model),
            StartIsTrained = true,
            Config = preset.Finetune,
            Epsilon = 1e-8 / (2 * batch),
            Stage = model.Finetuning(preset.Finetune.Batch, preset.Finetune.Losses),
            Draws = rollbacks =>
            {
                ulong root = StageSeeds.AfterRollbacks(options.Seed, rollbacks);
                return new TrainingDraws(StageSeeds.Dropout(root, StageSeeds.Finetuning(fold)), loaders.Each(assembler =>
                {
                    var order = new EpochOrder(split.Train, batch, root, StageSeeds.Finetuning(fold));
                    return (number, parts) => assembler.FillPairs(order.BatchAt(number), pairs, parts);
                }));
            },
            Validate = () => validation.Score(embedder, config.EmbeddingWidth, folder.FolderPath, cancellation),
            WriteModel = (target, state) => ModelFolder.Write(target, device, model, config, tokenizer, tags, new ModelCard
            {
                Stage = $"finetuning, fold {fold}", Preset = options.Preset, Seed = options.Seed, Recipe = preset.Finetune, Inputs = inputs, EarlierRecipes = folder.EarlierRecipes, Progress = state,
            }),
            Eager = options.Eager,
            KeysOf = options.IsPart ? "finetune" : null,
            Reporters = options.Reporters,
        }, folder, progress);
        return trainer.Run(cancellation);
    }

    /// <summary>Refuses labelled pairs whose fold has fewer training pairs than a batch.</summary>
    /// <exception cref="DataException">There are too few pairs, or the file of the pairs is not valid.</exception>
    internal static void RequireBatch(DataFolder data, TrainingConfig recipe, int fold, bool videoDisjoint) =>
        RequireBatch(data, recipe, Split(data.Labels, data.ReadPairs(), fold, videoDisjoint));

    private static void RequireBatch(DataFolder data, TrainingConfig recipe, Fold split) =>
        EpochOrder.Require(data.Labels, $"fold {split.Number}", "training pairs", split.Train.Length, "finetune", recipe.Batch, recipe.GradientAccumulationSteps);

    // The training pairs of an epoch. Skipped records take their pairs with them, so the records must be read.
    private static int CountPairs(DataFolder data, RunOptions options, int fold, int width, CancellationToken cancellation)
    {
        var pairs = options.SkipBadRecords
            ? LabelFile.Read(data.Labels, data.Format.Open([data.Pairwise], width, skipBadRecords: true, cancellation: cancellation), IProgressSink.None) : data.ReadPairs();
        return Split(data.Labels, pairs, fold, options.VideoDisjoint).Train.Length;
    }

    /// <summary>
    /// A fold without the pairs of skipped records. With <paramref name="videoDisjoint"/> also without training pairs
    /// that share a video with the validation pairs.
    /// </summary>
    internal static Fold Split(string labels, VideoPair[] pairs, int fold, bool videoDisjoint)
    {
        Folds.Require(labels, pairs.Length);
        var split = Folds.Make(pairs.Length, fold).Where(pair => pairs[pair].IsComplete);
        return videoDisjoint ? FoldLeak.Without(split, pairs) : split;
    }

    // The outputs of the heads are in the order of the tag list. With another list they would be trained on the wrong
    // tags.
    private static void CheckTags(DataFolder data, ModelFolder source)
    {
        var tags = data.ReadTags();
        if (tags.Sha256 == source.Tags.Sha256)
            return;
        throw new DataException(tags.ClassCount == 0 ? $"{data.TagList}: {(File.Exists(data.TagList) ? "the tag list is empty" : "there is no such file")}, but the model in {source.FolderPath} has {source.Tags.ClassCount} tags"
            : tags.ClassCount == source.Tags.ClassCount ? $"{data.TagList} has other tags than the model in {source.FolderPath} was trained with"
            : $"{data.TagList} has {tags.ClassCount} tags, but the model in {source.FolderPath} has {source.Tags.ClassCount}");
    }
}
