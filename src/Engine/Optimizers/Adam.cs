using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Optimizers;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Optimizers;

/// <summary>
/// Adam without clipping, in Keras's form (epsilon beside the uncorrected square root), with decoupled weight decay where groups have one
/// (AdamW). A checkpoint saves its moments with the weights.
/// </summary>
public sealed unsafe class Adam : Optimizer
{
    private readonly float _epsilon;
    private readonly double[] _weightDecays;

    /// <summary>Takes memory for the moments and sets them to 0.</summary>
    /// <param name="device">Where the parameters are.</param>
    /// <param name="parameters">Allocated for training.</param>
    /// <param name="epsilon">Added to the square root of the second moment; follows the scale of the loss.</param>
    /// <param name="weightDecays">
    /// One for each group: a step makes weights smaller by their group's rate times it, besides what gradients do. Null for none.
    /// </param>
    /// <exception cref="ArgumentException">There are not as many decays as groups.</exception>
    public Adam(Device device, ParameterStore parameters, double epsilon = 1e-8, IReadOnlyList<double>? weightDecays = null) : base(device, parameters, moments: 2)
    {
        (_epsilon, _weightDecays) = ((float)epsilon, [.. weightDecays ?? []]);
        if (weightDecays is not null && weightDecays.Count != parameters.GroupEnds.Count)
            throw new ArgumentException($"{weightDecays.Count} weight decays were given for {parameters.GroupEnds.Count} groups of parameters");
    }

    /// <summary>Running mean of the gradients, in the order of the weights.</summary>
    public Tensor FirstMoment => Moments[0];

    /// <summary>Running mean of the squared gradients, in the order of the weights.</summary>
    public Tensor SecondMoment => Moments[1];

    /// <summary>
    /// Writes each group's rate for one step, the bias correction in it: rate * sqrt(1 - beta2^t) / (1 - beta1^t) with t = step + 1; and its
    /// decay: rate * weight decay, without the correction.
    /// </summary>
    /// <inheritdoc/>
    public override void WriteRates(ref StepScalars scalars, long step, ReadOnlySpan<double> learningRates)
    {
        double updates = step + 1;
        WriteRates(ref scalars, learningRates, Math.Sqrt(1 - Math.Pow(AdamKernels.Beta2, updates)) / (1 - Math.Pow(AdamKernels.Beta1, updates)));
        for (int group = 0; group < _weightDecays.Length; group++)
            scalars.Decays[group] = group < learningRates.Length ? (float)(learningRates[group] * _weightDecays[group]) : 0;
    }

    /// <inheritdoc/>
    public override void Update(ComputeStream stream, StepScalars* scalars)
    {
        var block = Block(stream, scalars, "weight, gradient, both moments -> weight, both moments, bf16 copy");
        stream.Run(AdamKernels.Update, new AdamArgs
        {
            FirstMoment = FirstMoment.Floats, SecondMoment = SecondMoment.Floats, Parameters = block,
            FirstShare = (float)(1 - AdamKernels.Beta1), SecondShare = (float)(1 - AdamKernels.Beta2), Epsilon = _epsilon, Decay = _weightDecays.Length > 0 ? 1 : 0,
        });
    }
}
