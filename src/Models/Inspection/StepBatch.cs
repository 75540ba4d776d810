using VideoSim.Engine;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;

namespace VideoSim.Models.Inspection;

/// <summary>The videos of one step, and the masking of their tokens.</summary>
/// <param name="Dataset">The videos.</param>
/// <param name="Pairs">The labelled pairs; none for a batch of single videos.</param>
/// <param name="Order">Numbers of the videos, or of the pairs, in the batch.</param>
/// <param name="MaskSeed">Key of the masked tokens.</param>
/// <param name="Number">Number of the batch, from 0; masked tokens depend on it.</param>
internal sealed record StepBatch(IVideoDataset Dataset, VideoPair[] Pairs, int[] Order, ulong MaskSeed, long Number)
{
    /// <summary>The first videos of some files, or the first pairs of a label file.</summary>
    /// <param name="records">The files.</param>
    /// <param name="labels">The label file, or null for single videos.</param>
    /// <param name="size">Number of videos or pairs.</param>
    /// <param name="folder">The model.</param>
    /// <exception cref="DataException">The files have fewer, or frames that the model does not take.</exception>
    public static StepBatch First(IReadOnlyList<string> records, string? labels, int size, ModelFolder folder)
    {
        var format = VideoFormats.Of(records);
        FrameWidths.Require(format, records, folder.Configuration.FrameWidth, $"the model in {folder.FolderPath} takes");
        var index = format.Open(records, folder.Configuration.FrameWidth);
        var pairs = labels is null ? [] : LabelFile.Read(labels, index.TryFind);
        int available = labels is null ? index.Count : pairs.Length;
        if (available < size)
            throw new DataException($"a batch of {size} needs {size} {(labels is null ? "videos" : "pairs")}; there are {available}");
        return new StepBatch(index, pairs, [.. Enumerable.Range(0, size)], MaskSeed: 0, Number: 0);
    }

    /// <summary>The batch of one step of a run, from the run's own data.</summary>
    /// <param name="run">The run.</param>
    /// <param name="folder">A model of the run.</param>
    /// <param name="training">The recipe of its stage.</param>
    /// <param name="step">Number of the step from 1, as in the run's metrics.</param>
    /// <exception cref="DataException">The run has no such step, or its data has changed or is missing.</exception>
    public static StepBatch OfRun(RunArguments run, ModelFolder folder, TrainingConfig training, long step)
    {
        if (step > training.Steps)
            throw new DataException($"--at {step}: the run of {run.File} has {training.Steps} steps");
        if (training.GradientAccumulationSteps > 1)
            throw new DataException($"--at {step}: each step of the run of {run.File} accumulates the gradients of {training.GradientAccumulationSteps} batches; the dump of a step has one batch");
        var data = new DataFolder(run.Get<string>("data") is var path && !path.Contains('\0', StringComparison.Ordinal) ? path : throw new DataException($"{run.File}: data is not a path"));
        ulong seed = run.Get<ulong>("seed");
        bool skip = run.Get<bool>("skip_bad_records");
        int width = folder.Configuration.FrameWidth;
        if (run.Get<string>("command") == "pretrain")
        {
            var videos = data.Format.Open(data.Pointwise, width, skip, Environment.ProcessorCount);
            run.Inputs.RequireSame(videos.Digests);
            var order = new EpochOrder([.. Enumerable.Range(0, videos.Count)], training.Batch, seed, StageSeeds.Pretraining);
            return new StepBatch(videos, [], order.BatchAt(step - 1).ToArray(), StageSeeds.Dropout(seed, StageSeeds.Pretraining), step - 1);
        }
        int fold = run.Get<int>("fold") is >= 1 and <= Folds.Count and var known ? known : throw new DataException($"{run.File}: fold is not from 1 to {Folds.Count}");
        var index = data.Format.Open([data.Pairwise], width, skip);
        run.Inputs.RequireSame([.. index.Digests, FileDigest.OfContent(data.Labels)]);
        var pairs = LabelFile.Read(data.Labels, index, IProgressSink.None);
        var split = Finetuning.Split(data.Labels, pairs, fold, run.Get<bool>("video_disjoint"));
        return new StepBatch(index, pairs, new EpochOrder(split.Train, training.Batch, seed, StageSeeds.Finetuning(fold)).BatchAt(step - 1).ToArray(), MaskSeed: 0, step - 1);
    }
}
