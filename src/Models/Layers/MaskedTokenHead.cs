using VideoSim.Engine.Autograd;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Layers;

/// <summary>
/// Predicts masked tokens from the embeddings of their positions (docs/reference-system.md, section 3.9): dense, GELU,
/// LayerNorm, then a product with the encoder's own word table.
/// </summary>
internal sealed class MaskedTokenHead
{
    private readonly Dense _dense;
    private readonly LayerNormalization _norm;
    private readonly Parameter _wordTable, _bias;

    public MaskedTokenHead(ParameterStore store, int group, string name, int input, Parameter wordTable, EncoderConfig config)
    {
        _wordTable = wordTable;
        _dense = new Dense(store, $"{name}.dense", input, config.HiddenSize, Initializers.TruncatedNormal(config.InitializerRange), group: group);
        _norm = new LayerNormalization(store, $"{name}.LayerNorm", config.HiddenSize, config.LayerNormEps, group);
        _bias = store.Add(group, $"{name}.bias", new Shape(config.VocabSize), Initializers.Zeros);
    }

    /// <summary>Cross-entropy of the masked tokens.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">Embeddings of their positions [rows, input].</param>
    /// <param name="targets">The tokens, Int32 [rows].</param>
    /// <param name="weights">Weights of the rows [rows].</param>
    /// <returns>The term [1].</returns>
    public Tensor Loss(Tape tape, in Tensor x, in Tensor targets, in Tensor weights)
    {
        var hidden = tape.Note("masked_hidden", _norm.Forward(tape, Activation.Forward(tape, _dense.Forward(tape, x), ActivationKind.Gelu)));
        return TableCrossEntropy.Forward(tape, hidden, tape.Use(_wordTable, hidden.Type), tape.Use(_bias, hidden.Type), targets, weights);
    }
}
