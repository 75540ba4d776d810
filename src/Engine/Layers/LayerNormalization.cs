using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Layers;

/// <summary>Layer normalisation of rows (Ba et al., 2016), after an optional dropout and residual.</summary>
/// <param name="store">Store for the weights, as <c>name.weight</c> and <c>name.bias</c>.</param>
/// <param name="name">Name of the layer.</param>
/// <param name="width">Width of a row.</param>
/// <param name="epsilon">Added to the variance inside the root.</param>
/// <param name="group">Group of the parameters.</param>
public sealed class LayerNormalization(ParameterStore store, string name, int width, float epsilon = 1e-5f, int group = 0)
{
    private readonly float _epsilon = epsilon > 0 && float.IsFinite(epsilon) ? epsilon
        : throw new ArgumentOutOfRangeException(nameof(epsilon), $"{name}: epsilon must be above 0 and finite, not {epsilon}");
    private readonly Parameter _weight = store.Add(group, $"{name}.weight", new Shape(width), Initializers.Ones);
    private readonly Parameter _bias = store.Add(group, $"{name}.bias", new Shape(width), Initializers.Zeros);

    /// <summary>Normalises the rows of <paramref name="x"/> [..., width].</summary>
    public Tensor Forward(Tape tape, in Tensor x) => Forward(tape, x, xBias: default, residual: default, site: 0, dropProbability: 0);

    /// <summary>
    /// Normalises the rows of <paramref name="residual"/> + dropout(<paramref name="x"/> + <paramref name="xBias"/>).
    /// They may be every <paramref name="rowStep"/>-th row of a larger tensor.
    /// </summary>
    public Tensor Forward(Tape tape, in Tensor x, in Tensor xBias, in Tensor residual, uint site, float dropProbability, int rowStep = 1) =>
        ResidualNorm.Forward(tape, x, xBias, residual, tape.Use(_weight), tape.Use(_bias), _epsilon, site, dropProbability, rowStep);
}
