using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Optimizers;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Optimizers;

/// <summary>
/// Adam in Keras' form (epsilon is added to the uncorrected square root). Groups may have decoupled weight decay
/// (AdamW), and the norm of the gradient may be limited. A checkpoint saves the moments with the weights.
/// </summary>
public sealed unsafe class Adam : Optimizer
{
    private readonly float _epsilon;
    private readonly double[] _weightDecays;

    /// <summary>Takes memory for the moments and sets them to 0.</summary>
    /// <param name="device">Where the parameters are.</param>
    /// <param name="parameters">Allocated for training.</param>
    /// <param name="epsilon">Added to the square root of the second moment. It must scale with the loss.</param>
    /// <param name="weightDecays">
    /// One for each group: besides the gradients' update, a step reduces weights by their group's rate times the
    /// decay. Vectors do not decay (<see cref="Parameter.Decays"/>). Null for none.
    /// </param>
    /// <param name="maxGradientNorm">The largest norm of the whole gradient; 0 for no limit.</param>
    /// <exception cref="ArgumentException">
    /// The number of decays is not the number of groups, or a decay, the norm or epsilon is out of range.
    /// </exception>
    public Adam(Device device, ParameterStore parameters, double epsilon = 1e-8, IReadOnlyList<double>? weightDecays = null, double maxGradientNorm = 0)
        : base(device, parameters, moments: Checked(parameters, epsilon, weightDecays), decays: weightDecays is { Count: > 0 }, maxGradientNorm) =>
        (_epsilon, _weightDecays) = ((float)epsilon, [.. weightDecays ?? []]);

    /// <summary>Running mean of the gradients, in the order of the weights.</summary>
    public Tensor FirstMoment => Moments[0];

    /// <summary>Running mean of the squared gradients, in the order of the weights.</summary>
    public Tensor SecondMoment => Moments[1];

    /// <summary>
    /// Writes each group's rate for one step with the bias correction: rate * sqrt(1 - beta2^t) / (1 - beta1^t) with t
    /// = step + 1. Also writes the group's decay without the correction: rate * weight decay.
    /// </summary>
    /// <inheritdoc/>
    public override void WriteRates(ref StepScalars scalars, long step, ReadOnlySpan<double> learningRates)
    {
        double updates = step + 1;
        WriteRates(ref scalars, learningRates, Math.Sqrt(1 - Math.Pow(AdamKernels.Beta2, updates)) / (1 - Math.Pow(AdamKernels.Beta1, updates)));
        for (int group = 0; group < _weightDecays.Length; group++)
            scalars.Decays[group] = (float)(learningRates[group] * _weightDecays[group]);
    }

    /// <inheritdoc/>
    private protected override string Function => "weight, gradient, both moments -> weight, both moments, bf16 copy";

    /// <inheritdoc/>
    private protected override void Update(ComputeStream stream, in ParameterBlock block) => stream.Run(AdamKernels.Update, new AdamArgs
    {
        FirstMoment = FirstMoment.Floats, SecondMoment = SecondMoment.Floats, Parameters = block,
        FirstShare = (float)(1 - AdamKernels.Beta1), SecondShare = (float)(1 - AdamKernels.Beta2), Epsilon = _epsilon,
    });

    // Before the base class takes memory.
    private static int Checked(ParameterStore parameters, double epsilon, IReadOnlyList<double>? weightDecays)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (!((float)epsilon > 0 && float.IsFinite((float)epsilon)))
            throw new ArgumentOutOfRangeException(nameof(epsilon), $"epsilon must be above 0 and finite in fp32, not {epsilon}");
        if (weightDecays is not null && weightDecays.Count != parameters.GroupEnds.Count)
            throw new ArgumentException($"{weightDecays.Count} weight decays were given for {parameters.GroupEnds.Count} groups of parameters");
        foreach (double decay in weightDecays ?? [])
        {
            if (!(decay >= 0 && double.IsFinite(decay)))
                throw new ArgumentOutOfRangeException(nameof(weightDecays), $"a weight decay must be at least 0 and finite, not {decay}");
        }
        return 2;
    }
}
