using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;

namespace VideoSim.Models.Layers;

/// <summary>A linear map with weights [out, in] and optional bias, or a stack of such maps for the experts of a mixture.</summary>
internal sealed class Dense
{
    private readonly Parameter _weight;
    private readonly Parameter? _bias;
    private readonly bool _stacked;

    /// <summary>One map.</summary>
    public Dense(ParameterStore store, int group, string name, int input, int output, Initializer initializer, bool bias = true, double initialBias = 0)
    {
        _weight = store.Add(group, $"{name}.weight", new Shape(output, input), initializer);
        _bias = bias ? store.Add(group, $"{name}.bias", new Shape(output), Initializers.Constant(initialBias)) : null;
    }

    /// <summary>One map for each of <paramref name="names"/>, stored one after the other.</summary>
    public Dense(ParameterStore store, int group, IReadOnlyList<string> names, int input, int output, Initializer initializer, bool bias = true,
        double initialBias = 0)
    {
        _stacked = true;
        _weight = store.Stack(group, new Shape(names.Count, output, input),
            [.. names.Select(name => ($"{name}.weight", new Shape(output, input)))], initializer);
        _bias = bias
            ? store.Stack(group, new Shape(names.Count, output), [.. names.Select(name => ($"{name}.bias", new Shape(output)))], Initializers.Constant(initialBias))
            : null;
    }

    /// <summary>[rows, in] to [rows, out]; with a stack [E, rows, in] or [rows, in] to [E, rows, out].</summary>
    public Tensor Forward(Tape tape, in Tensor x) => Apply(tape, x, _bias is null ? default : tape.Use(_bias, x.Type), x.Type);

    /// <summary>The same with an fp32 result, whatever x is: where sequences and frames end and vectors of a video begin.</summary>
    public Tensor ForwardToSingle(Tape tape, in Tensor x) => Apply(tape, x, Bias(tape), ElementType.Float32);

    /// <summary>The same without the bias, for a reader that adds <see cref="Bias"/> by itself.</summary>
    public Tensor Multiply(Tape tape, in Tensor x) => Apply(tape, x, bias: default, x.Type);

    /// <summary>The bias [out] in fp32, for who reads what <see cref="Multiply"/> gives; default where there is none.</summary>
    public Tensor Bias(Tape tape) => _bias is null ? default : tape.Use(_bias);

    private Tensor Apply(Tape tape, in Tensor x, in Tensor bias, ElementType result)
    {
        var weight = tape.Use(_weight, x.Type);
        return _stacked ? Linear.ForwardStack(tape, x, weight, bias, result) : Linear.Forward(tape, x, weight, bias, result);
    }
}
