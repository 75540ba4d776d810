using VideoSim.Engine.Autograd;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Layers;

/// <summary>
/// Joins vision and text and scales the result by squeeze-excitation (Hu et al., 2017; docs/reference-system.md,
/// section 3.4), for each expert: e = u * sigmoid(W2 relu(W1 u)) with u = relu(W concat(vision, text)).
/// </summary>
internal sealed class Fusion
{
    private readonly float _dropProbability;
    private readonly Dense _dense, _squeeze, _excite;

    public Fusion(ParameterStore store, int group, IReadOnlyList<string> names, ModelConfig config)
    {
        _dropProbability = config.FusionDropout;
        int width = config.EmbeddingWidth, squeezed = width / config.SqueezeRatio;
        _dense = new Dense(store, Names("dense"), 2 * config.VladWidth, width, group: group);
        _squeeze = new Dense(store, Names("squeeze"), width, squeezed, Initializers.HeNormal, bias: false, group: group);
        _excite = new Dense(store, Names("excite"), squeezed, width, Initializers.HeNormal, bias: false, group: group);

        string[] Names(string part) => [.. names.Select(name => $"{name}.{part}")];
    }

    /// <summary>From vision [E, B, N] and text [B, N] to expert embeddings [E, B, EmbeddingWidth].</summary>
    public Tensor Forward(Tape tape, in Tensor vision, in Tensor text)
    {
        var joined = ConcatDropout.Forward(tape, vision, text, RandomSites.Fusion, _dropProbability);
        var u = Activation.Forward(tape, _dense.Forward(tape, joined), ActivationKind.Relu);
        var squeezed = Activation.Forward(tape, _squeeze.Forward(tape, u), ActivationKind.Relu);
        return SigmoidGate.Forward(tape, u, _excite.Forward(tape, squeezed));
    }
}
