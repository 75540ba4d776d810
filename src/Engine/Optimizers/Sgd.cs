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
    /// <param name="maxGradientNorm">The largest norm of the whole gradient; 0 for no limit.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The momentum is not in [0, 1), or the norm is negative or not finite.
    /// </exception>
    public Sgd(Device device, ParameterStore parameters, double momentum = 0, double maxGradientNorm = 0) : base(device, parameters, moments: Checked(momentum), decays: false, maxGradientNorm) => _momentum = (float)momentum;

    /// <inheritdoc/>
    public override void WriteRates(ref StepScalars scalars, long step, ReadOnlySpan<double> learningRates) => WriteRates(ref scalars, learningRates, factor: 1);

    /// <inheritdoc/>
    private protected override string Function => "weight, gradient, velocity -> weight, velocity, bf16 copy";

    /// <inheritdoc/>
    private protected override void Update(ComputeStream stream, in ParameterBlock block) =>
        stream.Run(SgdKernels.Update, new SgdArgs { Velocity = Moments[0].Floats, Parameters = block, Momentum = _momentum });

    // Before the base class takes memory.
    private static int Checked(double momentum) => (float)momentum is >= 0 and < 1 ? 1
        : throw new ArgumentOutOfRangeException(nameof(momentum), $"the momentum must be at least 0 and below 1, not {momentum}");
}
