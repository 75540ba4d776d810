using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Layers;

/// <summary>Layer normalisation of an encoder's width (Ba et al., 2016), after an optional dropout and residual.</summary>
internal sealed class LayerNormalization(ParameterStore store, int group, string name, EncoderConfig config)
{
    private readonly Parameter _weight = store.Add(group, $"{name}.weight", new Shape(config.HiddenSize), Initializers.Ones);
    private readonly Parameter _bias = store.Add(group, $"{name}.bias", new Shape(config.HiddenSize), Initializers.Zeros);

    /// <summary>Normalises the rows of <paramref name="x"/>.</summary>
    public Tensor Forward(Tape tape, in Tensor x) => Forward(tape, x, xBias: default, residual: default, site: 0, dropProbability: 0);

    /// <summary>
    /// Normalises the rows of <paramref name="residual"/> + dropout(<paramref name="x"/> + <paramref name="xBias"/>); they may be every
    /// <paramref name="rowStep"/>-th of a larger tensor.
    /// </summary>
    public Tensor Forward(Tape tape, in Tensor x, in Tensor xBias, in Tensor residual, uint site, float dropProbability, int rowStep = 1) =>
        ResidualNorm.Forward(tape, x, xBias, residual, tape.Use(_weight), tape.Use(_bias), config.LayerNormEps, site, dropProbability, rowStep);
}
