using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Layers;

/// <summary>
/// Batch normalisation over rows (Ioffe and Szegedy, 2015), one for each name, with Keras' momentum and epsilon.
/// Neighbouring rows may form groups with their own statistics. The running averages are updated group by group.
/// </summary>
public sealed class BatchNormalization
{
    /// <summary>Added to the variance under the root.</summary>
    public const float Epsilon = 1e-3f;

    private const float Momentum = 0.99f;

    private readonly Parameter _weight, _bias;
    private readonly StateTensor _runningMean, _runningVariance;

    /// <summary>Declares weights and running averages.</summary>
    /// <param name="store">
    /// Store for them, as <c>name.weight</c>, <c>.bias</c>, <c>.running_mean</c> and <c>.running_var</c>.
    /// </param>
    /// <param name="names">A name for each normalisation of a stack; one for [rows, width].</param>
    /// <param name="width">Width of a row.</param>
    /// <param name="group">Group of the parameters.</param>
    public BatchNormalization(ParameterStore store, IReadOnlyList<string> names, int width, int group = 0)
    {
        var shape = new Shape(names.Count, width);
        _weight = store.Stack(group, shape, Parts("weight"), Initializers.Ones);
        _bias = store.Stack(group, shape, Parts("bias"), Initializers.Zeros);
        _runningMean = store.StackState(shape, Parts("running_mean"), 0);
        _runningVariance = store.StackState(shape, Parts("running_var"), 1);

        (string, Shape)[] Parts(string part) => [.. names.Select(name => ($"{name}.{part}", new Shape(width)))];
    }

    /// <summary>Normalises [E, rows, width], or [rows, width] for one name.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">The rows.</param>
    /// <param name="groups">Groups of rows with their own statistics.</param>
    public Tensor Forward(Tape tape, in Tensor x, int groups = 1) => BatchNorm.Forward(tape, x, tape.Use(_weight), tape.Use(_bias),
        _runningMean.Value, _runningVariance.Value, Checked(groups), Momentum, Epsilon);

    /// <summary>The same, but the operator that reads <paramref name="x"/> applies the normalisation.</summary>
    public Normalization Prepare(Tape tape, in Tensor x, int groups = 1) => BatchNorm.Prepare(tape, x, tape.Use(_weight), tape.Use(_bias),
        _runningMean.Value, _runningVariance.Value, Checked(groups), Momentum, Epsilon);

    private static int Checked(int groups)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(groups);
        return groups;
    }
}
