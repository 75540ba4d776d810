using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;

namespace VideoSim.Models.Layers;

/// <summary>
/// Batch normalisation over rows (Ioffe and Szegedy, 2015) with Keras' constants (specification 3.0), one for each name.
/// The sides of a pair have statistics of their own; running averages move left side first.
/// </summary>
internal sealed class BatchNormalization
{
    private const float Momentum = 0.99f, Epsilon = 1e-3f;

    private readonly Parameter _weight, _bias;
    private readonly StateTensor _runningMean, _runningVariance;

    public BatchNormalization(ParameterStore store, int group, IReadOnlyList<string> names, int width)
    {
        var shape = new Shape(names.Count, width);
        _weight = store.Stack(group, shape, [.. names.Select(name => ($"{name}.weight", new Shape(width)))], Initializers.Ones);
        _bias = store.Stack(group, shape, [.. names.Select(name => ($"{name}.bias", new Shape(width)))], Initializers.Zeros);
        _runningMean = store.StackState(shape, [.. names.Select(name => ($"{name}.running_mean", new Shape(width)))], 0);
        _runningVariance = store.StackState(shape, [.. names.Select(name => ($"{name}.running_var", new Shape(width)))], 1);
    }

    /// <summary>Normalises [E, rows, width], or [rows, width] for one name.</summary>
    public Tensor Forward(Tape tape, in Tensor x, int sides) => BatchNorm.Forward(tape, x, tape.Use(_weight), tape.Use(_bias),
        _runningMean.Value, _runningVariance.Value, sides, Momentum, Epsilon);

    /// <summary>The same, but applied by the operator that reads <paramref name="x"/>.</summary>
    public Normalization Prepare(Tape tape, in Tensor x, int sides) => BatchNorm.Prepare(tape, x, tape.Use(_weight), tape.Use(_bias),
        _runningMean.Value, _runningVariance.Value, sides, Momentum, Epsilon);
}
