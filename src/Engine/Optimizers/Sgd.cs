using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Optimizers;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Optimizers;

/// <summary>
/// Stochastic gradient descent with momentum, as in PyTorch: the rate multiplies the whole velocity.
/// </summary>
public sealed unsafe class Sgd : Optimizer
{
    private readonly float _momentum;

    /// <summary>Takes memory for the velocity and sets it to 0.</summary>
    /// <param name="device">Where the parameters are.</param>
    /// <param name="parameters">Allocated for training.</param>
    /// <param name="momentum">
    /// Share of the velocity that is kept from step to step; 0 for plain gradient descent.
    /// </param>
    public Sgd(Device device, ParameterStore parameters, double momentum = 0) : base(device, parameters, moments: 1) => _momentum = (float)momentum;

    /// <inheritdoc/>
    public override void WriteRates(ref StepScalars scalars, long step, ReadOnlySpan<double> learningRates) => WriteRates(ref scalars, learningRates, factor: 1);

    /// <inheritdoc/>
    public override void Update(ComputeStream stream, StepScalars* scalars)
    {
        var block = Block(stream, scalars, "weight, gradient, velocity -> weight, velocity, bf16 copy");
        stream.Run(SgdKernels.Update, new SgdArgs { Velocity = Moments[0].Floats, Parameters = block, Momentum = _momentum });
    }
}
