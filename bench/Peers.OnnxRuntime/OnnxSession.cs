using Microsoft.ML.OnnxRuntime;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;
using VideoSim.Peers.Networks;

namespace VideoSim.Peers;

/// <summary>The peer's side: a model in ONNX Runtime, with the batch of our side.</summary>
internal sealed class OnnxSession : IDisposable
{
    private static readonly string[] InputNames = ["frames", "frame_counts", "token_ids", "attention_mask"], OutputNames = ["embedding"];

    private readonly InferenceSession _session;
    private readonly RunOptions _options = new();
    private readonly OrtValue[] _inputs;

    /// <summary>Opens the model and fills the batch.</summary>
    /// <param name="file">The model as ONNX.</param>
    /// <param name="sizes">Its sizes and its batch.</param>
    /// <param name="threads">Threads of the session.</param>
    public OnnxSession(string file, Preset sizes, int threads)
    {
        using var options = new SessionOptions { IntraOpNumThreads = threads };
        _session = new InferenceSession(file, options);
        var model = ModelZoo.Create(sizes.Model); // without memory: for its sizes
        Parameters = model.Parameters.Count;
        var shape = model.Pretraining(sizes.Pretrain.Batch, sizes.Pretrain.Losses).Shape;
        var batch = new PeerBatch(shape, sizes.Model.Encoder.VocabSize);
        _inputs =
        [
            OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(batch.Frames, static value => (float)value), [shape.Videos, shape.Frames, shape.FrameWidth]),
            OrtValue.CreateTensorValueFromMemory(Enumerable.Repeat((long)shape.Frames, shape.Videos).ToArray(), [shape.Videos]),
            OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(batch.TokenIds, static id => (long)id), [shape.Videos, shape.TextLength]),
            OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(batch.AttentionMask, static one => (long)one), [shape.Videos, shape.TextLength]),
        ];
    }

    /// <summary>Number of trained values of our model. The file has those that the embedding needs.</summary>
    public long Parameters { get; }

    /// <summary>Computes the embeddings [B, E].</summary>
    public float[] Run()
    {
        using var results = _session.Run(_options, InputNames, _inputs, OutputNames);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var input in _inputs)
            input.Dispose();
        _options.Dispose();
        _session.Dispose();
    }
}
