using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Layers;

/// <summary>A linear map with weights [out, in] and optional bias, or a stack of such maps that are computed together.</summary>
public sealed class Dense
{
    private readonly Parameter _weight;
    private readonly Parameter? _bias;
    private readonly bool _stacked;

    /// <summary>One map.</summary>
    /// <param name="store">Where the weights are declared, as <c>name.weight</c> and <c>name.bias</c>.</param>
    /// <param name="name">Name of the layer.</param>
    /// <param name="input">Width of a row of the input.</param>
    /// <param name="output">Width of a row of the result.</param>
    /// <param name="initializer">First weights; null for <see cref="Initializers.GlorotUniform"/>.</param>
    /// <param name="bias">Whether there is a bias.</param>
    /// <param name="initialBias">First value of the bias.</param>
    /// <param name="group">Group of the parameters.</param>
    public Dense(ParameterStore store, string name, int input, int output, Initializer? initializer = null, bool bias = true, double initialBias = 0, int group = 0)
    {
        _weight = store.Add(group, $"{name}.weight", new Shape(output, input), initializer ?? Initializers.GlorotUniform);
        _bias = bias ? store.Add(group, $"{name}.bias", new Shape(output), Initializers.Constant(initialBias)) : null;
    }

    /// <summary>One map for each of <paramref name="names"/>, stored one after the other; the rest as for one.</summary>
    public Dense(ParameterStore store, IReadOnlyList<string> names, int input, int output, Initializer? initializer = null, bool bias = true, double initialBias = 0,
        int group = 0)
    {
        _stacked = true;
        _weight = store.Stack(group, new Shape(names.Count, output, input), [.. names.Select(name => ($"{name}.weight", new Shape(output, input)))],
            initializer ?? Initializers.GlorotUniform);
        _bias = bias
            ? store.Stack(group, new Shape(names.Count, output), [.. names.Select(name => ($"{name}.bias", new Shape(output)))], Initializers.Constant(initialBias))
            : null;
    }

    /// <summary>[..., in] to [rows, out]; with a stack [E, rows, in] or [rows, in] to [E, rows, out].</summary>
    public Tensor Forward(Tape tape, in Tensor x) => Apply(tape, x, _bias is null ? default : tape.Use(_bias, x.Type), x.Type);

    /// <summary>The same with an fp32 result, whatever x is: where sequences end and one vector an item begins.</summary>
    public Tensor ForwardToSingle(Tape tape, in Tensor x) => Apply(tape, x, Bias(tape), ElementType.Float32);

    /// <summary>The same without the bias, for an operator behind it that adds <see cref="Bias"/> by itself.</summary>
    public Tensor Multiply(Tape tape, in Tensor x) => Apply(tape, x, bias: default, x.Type);

    /// <summary>The bias [out] in fp32, to add to the result of <see cref="Multiply"/>; default where there is none.</summary>
    public Tensor Bias(Tape tape) => _bias is null ? default : tape.Use(_bias);

    private Tensor Apply(Tape tape, in Tensor x, in Tensor bias, ElementType result)
    {
        var weight = tape.Use(_weight, x.Type);
        return _stacked ? Linear.ForwardStack(tape, x, weight, bias, result) : Linear.Forward(tape, x, weight, bias, result);
    }
}
