using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Models.Zoo;

namespace VideoSim.Oracles.Tests;

/// <summary>
/// A model with random weights and its inference step. The weights differ from those of an untrained model: biases are
/// not 0, scales and running variances are not 1, and attention is far from even. So each part changes the embedding.
/// </summary>
internal sealed class RandomModel : IDisposable
{
    /// <summary>Videos of a batch of the step. Fewer videos have the same embeddings.</summary>
    public const int MostVideos = 17;

    private readonly CpuDevice _device = new(threads: 1);
    private readonly IVideoModel _model;
    private readonly BatchBlock _input, _slot;
    private readonly Step<Tensor> _step;

    public RandomModel(ModelConfig config, int seed)
    {
        Config = config;
        _model = ModelZoo.Create(config);
        _model.Parameters.Allocate(_device, training: false);
        var random = new Random(seed);
        foreach (var (name, value) in _model.Parameters.Parts().Select(static part => (part.Name, part.Value)).Concat(_model.Parameters.StateParts()))
            _model.Parameters.Upload(Draw(name, value.Shape, random, config), value);
        var shape = BatchShape.OfVideos(config, MostVideos);
        (_input, _slot) = (new BatchBlock(_device, shape), new BatchBlock(_device, shape));
        foreach (var tensor in new[] { _slot.TokenIds, _slot.AttentionMask, _slot.FrameCounts, _slot.Frames })
            _device.Clear(tensor.Address, tensor.Shape.Count * tensor.Type.Size()); // rows that a smaller batch leaves
        _step = InferenceStep.Build(_device, _input, tape => _model.Embed(tape, _input));
    }

    public ModelConfig Config { get; }

    public ParameterStore Parameters => _model.Parameters;

    /// <summary>Embeddings [videos, EmbeddingWidth] of a batch.</summary>
    public unsafe float[] Embed(RandomBatch batch)
    {
        for (int i = 0; i < batch.TokenIds.Length; i++)
        {
            _slot.TokenIds.Ints[i] = (int)batch.TokenIds[i];
            _slot.AttentionMask.Ints[i] = (int)batch.AttentionMask[i];
        }
        for (int i = 0; i < batch.FrameCounts.Length; i++)
            _slot.FrameCounts.Ints[i] = (int)batch.FrameCounts[i];
        for (int i = 0; i < batch.Frames.Length; i++)
            _slot.Frames.Halves[i] = (Half)batch.Frames[i]; // exact
        _slot.Tokens.Sort(new int[Config.Encoder.VocabSize]);
        _slot.Upload(new StepScalars());
        _slot.CopyTo(_input);
        _step.Run();
        return _device.Read<float>(_step.Result)[..(batch.Videos * Config.EmbeddingWidth)];
    }

    public void Dispose()
    {
        _step.Dispose();
        _slot.Dispose();
        _input.Dispose();
        _model.Parameters.Dispose();
        _device.Dispose();
    }

    // Matrices keep the size of rows: the variance of a product's elements is that of its input. Embeddings are small,
    // so that the epsilon of the normalisation after them matters.
    private static float[] Draw(string name, Shape shape, Random random, ModelConfig config)
    {
        float[] values = new float[shape.Count];
        var (low, high) = name.Split('.') switch
        {
            [.., "running_var"] => (0.01f, 2f),
            [.., var layer, "weight"] when layer.Contains("norm", StringComparison.OrdinalIgnoreCase) => (0.5f, 1.5f),
            [_, "embeddings", _, "weight"] => (-0.02f, 0.02f),
            [.., "weight"] => (-MathF.Sqrt(3f / shape.Width), MathF.Sqrt(3f / shape.Width)),
            _ => (-1f, 1f),
        };
        for (int i = 0; i < values.Length; i++)
            values[i] = low + (high - low) * random.NextSingle();
        // Frames hardly choose the first cluster of a group, so its residual is near the floor of the L2 norm. No
        // frame chooses the second: its residual is 0.
        for (int i = 0; i < values.Length && name.EndsWith("cluster_norm.bias", StringComparison.Ordinal); i += config.VladClusters)
            (values[i], values[i + 1]) = (-18, -200);
        return values;
    }
}
