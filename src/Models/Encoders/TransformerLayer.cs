using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Configuration;
using VideoSim.Models.Layers;

namespace VideoSim.Models.Encoders;

/// <summary>
/// One layer of an encoder (Vaswani et al., 2017; specification 3.1): attention, then feed-forward, each followed by dropout,
/// residual and LayerNorm.
/// </summary>
internal sealed class TransformerLayer
{
    private readonly EncoderConfig _config;
    private readonly int _index;
    private readonly Parameter _queryKeyValue, _queryKeyValueBias;
    private readonly Dense _attentionOutput, _intermediate, _output;
    private readonly LayerNormalization _attentionNorm, _outputNorm;

    /// <summary>Declares the layer's weights under <paramref name="name"/>; <paramref name="index"/> numbers its dropouts.</summary>
    public TransformerLayer(ParameterStore store, int group, string name, int index, EncoderConfig config)
    {
        (_config, _index) = (config, index);
        var initializer = Initializers.TruncatedNormal(config.InitializerRange);
        int width = config.HiddenSize;
        string[] parts = [$"{name}.attention.self.query", $"{name}.attention.self.key", $"{name}.attention.self.value"];
        // One product computes all three.
        _queryKeyValue = store.Stack(group, new Shape(3 * width, width),
            [.. parts.Select(part => ($"{part}.weight", new Shape(width, width)))], initializer);
        _queryKeyValueBias = store.Stack(group, new Shape(3 * width),
            [.. parts.Select(part => ($"{part}.bias", new Shape(width)))], Initializers.Zeros);
        _attentionOutput = new Dense(store, group, $"{name}.attention.output.dense", width, width, initializer);
        _attentionNorm = new LayerNormalization(store, group, $"{name}.attention.output.LayerNorm", config);
        _intermediate = new Dense(store, group, $"{name}.intermediate.dense", width, config.IntermediateSize, initializer);
        _output = new Dense(store, group, $"{name}.output.dense", config.IntermediateSize, width, initializer);
        _outputNorm = new LayerNormalization(store, group, $"{name}.output.LayerNorm", config);
    }

    /// <summary>[B, S, C] to [B, S, C], looking at the positions that the mask [B, S] keeps; with a rotary table, or default for none.</summary>
    public Tensor Forward(Tape tape, in Tensor x, in Tensor attentionMask, in Tensor rotary)
    {
        var shape = x.Shape; // [B, S, C]
        var queryKeyValue = Linear.Forward(tape, x, tape.Use(_queryKeyValue), tape.Use(_queryKeyValueBias))
            .Reshape(new Shape(shape[0], shape[1], 3 * shape[2]));
        var context = Attention.Forward(tape, queryKeyValue, new AttentionOptions(attentionMask, rotary,
            _config.NumAttentionHeads, DropoutSites.AttentionProbabilities(_index), _config.AttentionProbsDropoutProb));
        var attended = _attentionNorm.Forward(tape, _attentionOutput.Forward(tape, context).Reshape(shape), x,
            DropoutSites.AttentionOutput(_index), _config.HiddenDropoutProb);
        var inner = Activation.Forward(tape, _intermediate.Forward(tape, attended), ActivationKind.Gelu);
        return _outputNorm.Forward(tape, _output.Forward(tape, inner).Reshape(shape), attended,
            DropoutSites.FeedForward(_index), _config.HiddenDropoutProb);
    }
}
