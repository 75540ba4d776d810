using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Random;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;

namespace VideoSim.Peers.Networks;

/// <summary>VideoSim's side of a network: a model with a batch, on the CPU.</summary>
internal sealed class VideoSimNetwork : IDisposable
{
    private static readonly double[] Rates = [1e-5, 1e-5];

    private readonly Preset _sizes;
    private readonly TrainingStage _stage;
    private readonly BatchBlock _input;

    /// <summary>Builds the model and fills the batch.</summary>
    /// <param name="sizes">Model, recipe and batch.</param>
    /// <param name="training">Whether there are gradients.</param>
    /// <param name="threads">Threads of the device.</param>
    /// <param name="keepsGradients">Whether gradients exist after a step, which must be so without an update.</param>
    public VideoSimNetwork(Preset sizes, bool training, int threads, bool keepsGradients = true)
    {
        _sizes = sizes;
        Device = new CpuDevice(threads);
        Model = ModelZoo.Create(sizes.Model);
        Model.Parameters.Allocate(Device, training, keepsGradients: keepsGradients);
        Model.Parameters.Initialize(seed: 1);
        _stage = Model.Pretraining(sizes.Pretrain.Batch, sizes.Pretrain.Losses);
        Batch = new PeerBatch(_stage.Shape, sizes.Model.Encoder.VocabSize);
        _input = new BatchBlock(Device, _stage.Shape);
        Upload();
    }

    /// <summary>The device.</summary>
    public CpuDevice Device { get; }

    /// <summary>The model.</summary>
    public IVideoModel Model { get; }

    /// <summary>The batch.</summary>
    public PeerBatch Batch { get; }

    /// <summary>The training step. Without the update it computes loss and gradients.</summary>
    public TrainingStep BuildTraining(bool updates)
    {
        var variant = _stage.Variants[_stage.VariantFor(_input)];
        return TrainingStep.Build(Device, Model.Parameters, updates ? new Adam(Device, Model.Parameters) : null, _input, tape => variant.Losses(tape, _input));
    }

    /// <summary>Runs a step of <see cref="BuildTraining"/>.</summary>
    public static void Run(TrainingStep step) => step.Run(Rates);

    /// <summary>The step that embeds the batch.</summary>
    public Step<Tensor> BuildInference() => InferenceStep.Build(Device, _input, tape => Model.Embed(tape, _input));

    /// <inheritdoc/>
    public void Dispose()
    {
        _input.Dispose();
        Model.Parameters.Dispose();
        Device.Dispose();
    }

    private void Upload()
    {
        var shape = Batch.Shape;
        _input.Upload(new StepScalars());
        IndexBatch.Upload(_input, nameof(BatchBlock.Tokens), Batch.TokenIds, _sizes.Model.Encoder.VocabSize);
        _input.Upload<int>(nameof(BatchBlock.AttentionMask), Batch.AttentionMask);
        _input.Upload<Half>(nameof(BatchBlock.Frames), Batch.Frames);
        _input.Upload<int>(nameof(BatchBlock.FrameCounts), [.. Enumerable.Repeat(shape.Frames, shape.Videos)]);
        int[] labels = new int[shape.Videos * shape.LabelWords];
        for (int i = 0; i < Batch.Labels.Length; i++)
        {
            var (video, tag) = Math.DivRem(i, shape.Tags);
            if (Batch.Labels[i])
                labels[video * shape.LabelWords + tag / 32] |= 1 << tag % 32;
        }
        _input.Upload<int>(nameof(BatchBlock.Labels), labels);
        int used = Batch.MaskedPositions.Length;
        _input.Upload<int>(nameof(BatchBlock.MaskedPositions), Padded(Batch.MaskedPositions, shape.Tokens));
        _input.Upload<int>(nameof(BatchBlock.MaskedTargets), Padded(Batch.MaskedTargets, 0));
        _input.Upload<int>(nameof(BatchBlock.MaskedCount), [used]);
        _input.Upload<float>(nameof(BatchBlock.MaskedWeights), Padded([.. Batch.MaskedPositions.Select(_ => 1f / used)], 0));

        T[] Padded<T>(T[] values, T rest) => [.. values, .. Enumerable.Repeat(rest, shape.MaskedCapacity - values.Length)];
    }
}
