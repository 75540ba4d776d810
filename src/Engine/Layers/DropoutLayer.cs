using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Layers;

/// <summary>
/// Zeroes values in training and scales the others by 1 / (1 - probability); does nothing outside of training.
/// </summary>
/// <param name="site">Number of this use of random numbers; all uses in a network have different ones.</param>
/// <param name="dropProbability">Chance to zero a value, at least 0 and below 1.</param>
public sealed class DropoutLayer(uint site, float dropProbability)
{
    /// <summary>Values of the shape of <paramref name="x"/>.</summary>
    public Tensor Forward(Tape tape, in Tensor x) => Dropout.Forward(tape, x, site, dropProbability);
}
