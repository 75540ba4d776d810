using VideoSim.Engine.Autograd;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Encoders;

/// <summary>
/// Encodes a text as one vector. BERT uses its pooler: tanh of a linear map of the first position
/// (docs/reference-system.md, section 3.1). RoFormer has no pooler and uses the maximum over all positions, padding
/// included unless pooling is masked (section 3.6).
/// </summary>
internal sealed class TextTower
{
    private readonly TextEncoder _encoder;
    private readonly Dense? _pooler;
    private readonly bool _maskedPooling;

    public TextTower(ParameterStore store, int group, EncoderConfig config, int textLength, bool maskedPooling)
    {
        _maskedPooling = maskedPooling;
        _encoder = new TextEncoder(store, group, config, textLength);
        if (config.ModelType == EncoderConfig.Bert)
            _pooler = new Dense(store, "bert.pooler.dense", config.HiddenSize, config.HiddenSize, Initializers.TruncatedNormal(config.InitializerRange), group: group);
    }

    /// <summary>From tokens [B, T] and their attention mask to [B, C], fp32.</summary>
    public Tensor Forward(Tape tape, in IndexBatch tokens, in Tensor attentionMask)
    {
        var embedded = _encoder.Embed(tape, tokens); // [B, T, C]
        return _pooler is null ? MaxPosition.Forward(tape, _encoder.Encode(tape, embedded, attentionMask), _maskedPooling ? attentionMask : default)
            : Activation.Forward(tape, _pooler.ForwardToSingle(tape, _encoder.EncodeFirst(tape, embedded, attentionMask)), ActivationKind.Tanh);
    }
}
