using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Layers;

/// <summary>Sizes of a transformer layer.</summary>
/// <param name="Width">Width of a position.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="InnerWidth">Width of the feed-forward part.</param>
public sealed record TransformerOptions(int Width, int Heads, int InnerWidth)
{
    /// <summary>Added to the variance inside LayerNorm's root.</summary>
    public float Epsilon { get; init; } = 1e-12f;

    /// <summary>Chance to zero a value of each part's result in training.</summary>
    public float HiddenDropout { get; init; }

    /// <summary>Chance to zero an attention probability in training.</summary>
    public float AttentionDropout { get; init; }

    /// <summary>First weights of all maps.</summary>
    public Initializer Initializer { get; init; } = Initializers.TruncatedNormal(0.02);
}

/// <summary>
/// One layer of a transformer encoder as in BERT (Vaswani et al., 2017; Devlin et al., 2018): attention, then
/// feed-forward, each followed by dropout, residual and LayerNorm.
/// </summary>
public sealed class TransformerLayer
{
    /// <summary>How many numbers of random uses a layer takes: its own number and those after it.</summary>
    public const uint Sites = 4;

    private readonly uint _site;
    private readonly string _note;
    private readonly float _hiddenDropout;
    private readonly SelfAttention _attention;
    private readonly Dense _attentionOutput, _intermediate, _output;
    private readonly LayerNormalization _attentionNorm, _outputNorm;

    /// <summary>Declares the layer's weights under <paramref name="name"/>, named as in BERT's files.</summary>
    /// <param name="store">Store for the weights.</param>
    /// <param name="name">Name of the layer.</param>
    /// <param name="options">Sizes and rates.</param>
    /// <param name="site">First of the <see cref="Sites"/> numbers that its dropouts take.</param>
    /// <param name="note">Name for its intermediate values; null for the layer's name.</param>
    /// <param name="group">Group of the parameters.</param>
    public TransformerLayer(ParameterStore store, string name, TransformerOptions options, uint site, string? note = null, int group = 0)
    {
        (_site, _note, _hiddenDropout) = (site, note ?? name, options.HiddenDropout);
        var (width, inner, initializer) = (options.Width, options.InnerWidth, options.Initializer);
        _attention = new SelfAttention(store, $"{name}.attention.self", width, options.Heads, initializer, site, options.AttentionDropout, group);
        _attentionOutput = new Dense(store, $"{name}.attention.output.dense", width, width, initializer, group: group);
        _attentionNorm = new LayerNormalization(store, $"{name}.attention.output.LayerNorm", width, options.Epsilon, group);
        _intermediate = new Dense(store, $"{name}.intermediate.dense", width, inner, initializer, group: group);
        _output = new Dense(store, $"{name}.output.dense", inner, width, initializer, group: group);
        _outputNorm = new LayerNormalization(store, $"{name}.output.LayerNorm", width, options.Epsilon, group);
    }

    /// <summary>[B, S, C] to [B, S, C].</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">Hidden states [B, S, C].</param>
    /// <param name="mask">Positions that may be attended to, Int32 [B, S]: 1 keeps.</param>
    /// <param name="rotary">Table of rotary positions, or default for none.</param>
    public Tensor Forward(Tape tape, in Tensor x, in Tensor mask, in Tensor rotary = default) =>
        Finish(tape, x, _attention.Forward(tape, x, mask, rotary), rowStep: 1);

    /// <summary>
    /// Only the first position of the result of <see cref="Forward"/>, [B, C], with the same dropout masks. Keys and
    /// values come from all positions, everything else from the first.
    /// </summary>
    public Tensor ForwardFirst(Tape tape, in Tensor x, in Tensor mask, in Tensor rotary = default)
    {
        // Before the keys and values: their backward runs first and writes the gradient of x, then the selection adds
        // to it.
        var first = SelectPosition.Forward(tape, x, 0);
        return Finish(tape, first, _attention.ForwardFirst(tape, x, first, mask, rotary), rowStep: x.Shape[1]);
    }

    // The part after attention, row by row. x and context have equally many rows, which are every rowStep-th row of
    // all positions.
    private Tensor Finish(Tape tape, in Tensor x, in Tensor context, int rowStep)
    {
        tape.Note($"{_note}.attention", context);
        var attended = _attentionNorm.Forward(tape, _attentionOutput.Multiply(tape, context).Reshape(x.Shape), _attentionOutput.Bias(tape), x, _site + 1, _hiddenDropout, rowStep);
        var inner = Activation.Forward(tape, _intermediate.Multiply(tape, attended), ActivationKind.Gelu, _intermediate.Bias(tape));
        tape.Note($"{_note}.attended", attended);
        return tape.Note($"{_note}.hidden",
            _outputNorm.Forward(tape, _output.Multiply(tape, inner).Reshape(x.Shape), _output.Bias(tape), attended, _site + 2, _hiddenDropout, rowStep));
    }
}
