using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Layers;

/// <summary>
/// Multi-head self-attention (Vaswani et al., 2017) without the output map. One matrix product computes queries, keys
/// and values of all heads; the attention operator adds its bias.
/// </summary>
public sealed class SelfAttention
{
    private readonly Parameter _weight, _bias;
    private readonly int _width, _heads;
    private readonly uint _site;
    private readonly float _dropProbability;

    /// <summary>Declares the maps.</summary>
    /// <param name="store">
    /// Store for them, as <c>name.query.weight</c>, <c>name.key.weight</c>, <c>name.value.weight</c> and their biases.
    /// </param>
    /// <param name="name">Name of the layer.</param>
    /// <param name="width">Width of a position, a multiple of <paramref name="heads"/>.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="initializer">First weights; null for <see cref="Initializers.GlorotUniform"/>.</param>
    /// <param name="site">Number of the dropout on probabilities.</param>
    /// <param name="dropProbability">Chance to zero a probability in training.</param>
    /// <param name="group">Group of the parameters.</param>
    /// <exception cref="ArgumentException">The width is no multiple of the heads.</exception>
    public SelfAttention(ParameterStore store, string name, int width, int heads, Initializer? initializer = null, uint site = 0, float dropProbability = 0, int group = 0)
    {
        if (heads <= 0 || width % heads != 0)
            throw new ArgumentException($"{name}: the width {width} is no multiple of {heads} heads");
        (_width, _heads, _site, _dropProbability) = (width, heads, site, dropProbability);
        string[] parts = [$"{name}.query", $"{name}.key", $"{name}.value"];
        _weight = store.Stack(group, new Shape(3 * width, width), [.. parts.Select(part => ($"{part}.weight", new Shape(width, width)))], initializer ?? Initializers.GlorotUniform);
        _bias = store.Stack(group, new Shape(3 * width), [.. parts.Select(part => ($"{part}.bias", new Shape(width)))], Initializers.Zeros);
    }

    /// <summary>[B, S, width] to [B, S, width].</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">Positions [B, S, width].</param>
    /// <param name="mask">Positions that may be attended to, Int32 [B, S]: 1 keeps.</param>
    /// <param name="rotary">Table of rotary positions, or default for none.</param>
    public Tensor Forward(Tape tape, in Tensor x, in Tensor mask, in Tensor rotary = default)
    {
        var queryKeyValue = Linear.Forward(tape, x, tape.Use(_weight, x.Type)).Reshape(new Shape(x.Shape[0], x.Shape[1], 3 * _width));
        return Attention.Forward(tape, queryKeyValue, Options(mask, rotary), tape.Use(_bias));
    }

    /// <summary>
    /// Only the first position of the result of <see cref="Forward"/>, [B, 1, width], with the same dropout masks.
    /// Keys and values come from all positions.
    /// </summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">Positions [B, S, width].</param>
    /// <param name="first">The first position of each item [B, width].</param>
    /// <param name="mask">As in <see cref="Forward"/>.</param>
    /// <param name="rotary">As in <see cref="Forward"/>.</param>
    public Tensor ForwardFirst(Tape tape, in Tensor x, in Tensor first, in Tensor mask, in Tensor rotary = default)
    {
        int b = x.Shape[0];
        var keyValue = Linear.Forward(tape, x, Rows(tape, x, 1, 2)).Reshape(new Shape(b, x.Shape[1], 2 * _width));
        var query = Linear.Forward(tape, first, Rows(tape, x, 0, 1)).Reshape(new Shape(b, 1, _width));
        return Attention.Forward(tape, query, keyValue, Options(mask, rotary), tape.Use(_bias, 0, new Shape(_width)), tape.Use(_bias, _width, new Shape(2 * _width)));
    }

    private Tensor Rows(Tape tape, in Tensor x, int part, int parts) => tape.Use(_weight, (long)part * _width * _width, new Shape(parts * _width, _width), x.Type);

    private AttentionOptions Options(in Tensor mask, in Tensor rotary) => new(mask, rotary, _heads, _site, _dropProbability);
}
