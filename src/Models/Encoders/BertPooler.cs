using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Configuration;
using VideoSim.Models.Layers;

namespace VideoSim.Models.Encoders;

/// <summary>BERT's summary of a sequence: tanh of a linear map of the first position (specification 3.1).</summary>
internal sealed class BertPooler(ParameterStore store, int group, EncoderConfig config)
{
    private readonly Dense _dense = new(store, group, "bert.pooler.dense", config.HiddenSize, config.HiddenSize,
        Initializers.TruncatedNormal(config.InitializerRange));

    /// <summary>Hidden states [B, S, C] to [B, C].</summary>
    public Tensor Forward(Tape tape, in Tensor hidden) =>
        Activation.Forward(tape, _dense.Forward(tape, SelectPosition.Forward(tape, hidden, 0)), ActivationKind.Tanh);
}
