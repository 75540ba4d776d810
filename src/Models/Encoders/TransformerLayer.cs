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

    /// <summary>[B, S, C] to [B, S, C].</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">Hidden states [B, S, C].</param>
    /// <param name="attentionMask">Which positions are looked at, Int32 [B, S]: 1 keeps.</param>
    /// <param name="rotary">Table of rotary positions, or default for none.</param>
    public Tensor Forward(Tape tape, in Tensor x, in Tensor attentionMask, in Tensor rotary)
    {
        var shape = x.Shape;
        var queryKeyValue = Linear.Forward(tape, x, tape.Use(_queryKeyValue, x.Type)).Reshape(new Shape(shape[0], shape[1], 3 * shape[2]));
        return Finish(tape, x, Attention.Forward(tape, queryKeyValue, Options(attentionMask, rotary), tape.Use(_queryKeyValueBias)), rowStep: 1);
    }

    /// <summary>
    /// The first position alone of what <see cref="Forward"/> gives, [B, C], with the same masks: keys and values come from all
    /// positions, everything else from the first.
    /// </summary>
    public Tensor ForwardFirst(Tape tape, in Tensor x, in Tensor attentionMask, in Tensor rotary)
    {
        int b = x.Shape[0], s = x.Shape[1], width = x.Shape[2];
        var first = SelectPosition.Forward(tape, x, 0); // before the keys and values: its backward then adds to their gradient of x
        var keyValue = Linear.Forward(tape, x, Rows(width, 2 * width)).Reshape(new Shape(b, s, 2 * width));
        var query = Linear.Forward(tape, first, Rows(0, width)).Reshape(new Shape(b, 1, width));
        var context = Attention.Forward(tape, query, keyValue, Options(attentionMask, rotary),
            tape.Use(_queryKeyValueBias, 0, new Shape(width)), tape.Use(_queryKeyValueBias, width, new Shape(2 * width)));
        return Finish(tape, first, context, rowStep: s);

        Tensor Rows(int from, int count) => tape.Use(_queryKeyValue, (long)from * width, new Shape(count, width), first.Type);
    }

    private AttentionOptions Options(in Tensor attentionMask, in Tensor rotary) => new(attentionMask, rotary, _config.NumAttentionHeads,
        DropoutSites.AttentionProbabilities(_index), _config.AttentionProbsDropoutProb);

    // What follows attention, row by row: x and context have as many rows, every rowStep-th of all positions'.
    private Tensor Finish(Tape tape, in Tensor x, in Tensor context, int rowStep)
    {
        tape.Note($"encoder.layer.{_index}.attention", context);
        var attended = _attentionNorm.Forward(tape, _attentionOutput.Multiply(tape, context).Reshape(x.Shape), _attentionOutput.Bias(tape), x,
            DropoutSites.AttentionOutput(_index), _config.HiddenDropoutProb, rowStep);
        var inner = Activation.Forward(tape, _intermediate.Multiply(tape, attended), ActivationKind.Gelu, _intermediate.Bias(tape));
        tape.Note($"encoder.layer.{_index}.attended", attended);
        return tape.Note($"encoder.layer.{_index}.hidden", _outputNorm.Forward(tape, _output.Multiply(tape, inner).Reshape(x.Shape), _output.Bias(tape), attended,
            DropoutSites.FeedForward(_index), _config.HiddenDropoutProb, rowStep));
    }
}
