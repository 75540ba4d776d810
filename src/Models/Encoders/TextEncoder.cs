using VideoSim.Engine.Autograd;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Rotary;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Encoders;

/// <summary>
/// The text encoder of BERT (Devlin et al., 2018; docs/reference-system.md, section 3.1) or RoFormer (Su et al., 2021;
/// docs/reference-system.md, section 3.2). It has two parts: an embedding of tokens, and a stack of transformer layers
/// for any embedded sequence. BERT adds position embeddings to the tokens. RoFormer rotates queries and keys by a
/// constant table.
/// </summary>
internal sealed class TextEncoder
{
    private readonly EncoderConfig _config;
    private readonly EmbeddingLayer _embedding;
    private readonly Constant? _rotary;
    private readonly LayerNormalization _norm;
    private readonly TransformerLayer[] _layers;

    /// <summary>Declares the weights.</summary>
    /// <param name="store">Store of the weights.</param>
    /// <param name="group">Group of its parameters.</param>
    /// <param name="config">Kind and sizes.</param>
    /// <param name="positions">Length of the longest sequence.</param>
    public TextEncoder(ParameterStore store, int group, EncoderConfig config, int positions)
    {
        _config = config;
        var initializer = Initializers.TruncatedNormal(config.InitializerRange);
        int width = config.HiddenSize, headWidth = width / config.NumAttentionHeads;
        string name = config.ModelType;
        bool isRotary = config.ModelType == EncoderConfig.RoFormer;
        _embedding = new EmbeddingLayer(store, $"{name}.embeddings", config.VocabSize, width, isRotary ? 0 : config.MaxPositionEmbeddings, config.TypeVocabSize, initializer, group);
        if (isRotary)
            _rotary = store.AddConstant(new Shape(positions, headWidth), () => RotaryTable.Create(positions, headWidth));
        _norm = new LayerNormalization(store, $"{name}.embeddings.LayerNorm", width, config.LayerNormEps, group);
        var options = new TransformerOptions(width, config.NumAttentionHeads, config.IntermediateSize)
        {
            Epsilon = config.LayerNormEps, HiddenDropout = config.HiddenDropoutProb, AttentionDropout = config.AttentionProbsDropoutProb, Initializer = initializer,
        };
        _layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(index => new TransformerLayer(store, $"{name}.encoder.layer.{index}", options,
            RandomSites.Layer(index), $"encoder.layer.{index}", group))];
    }

    /// <summary>The table of word embeddings [V, C], which a head over the vocabulary may share.</summary>
    public Parameter WordTable => _embedding.Table;

    /// <summary>Embeds token ids [B, T] to [B, T, C]: the sum of tables, normalised, with dropout.</summary>
    public Tensor Embed(Tape tape, in IndexBatch tokens) => tape.Note("encoder.embeddings",
        Dropout.Forward(tape, _norm.Forward(tape, _embedding.Forward(tape, tokens)), RandomSites.Embeddings, _config.HiddenDropoutProb));

    /// <summary>Hidden states of the last layer for an embedded sequence of text, or of text and frames.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="embedded">[B, S, C]; rotary positions count from 0 over text and frames together.</param>
    /// <param name="attentionMask">Positions that attention reads, Int32 [B, S]: 1 keeps.</param>
    /// <returns>[B, S, C]</returns>
    public Tensor Encode(Tape tape, in Tensor embedded, in Tensor attentionMask) =>
        Apply(tape, embedded, attentionMask, _layers);

    /// <summary>
    /// The first position of the result of <see cref="Encode"/>, [B, C]. The last layer then computes nothing for the
    /// other positions.
    /// </summary>
    public Tensor EncodeFirst(Tape tape, in Tensor embedded, in Tensor attentionMask) =>
        _layers[^1].ForwardFirst(tape, Apply(tape, embedded, attentionMask, _layers.AsSpan(..^1)), attentionMask, Rotary);

    private Tensor Rotary => _rotary?.Value ?? default;

    private Tensor Apply(Tape tape, in Tensor embedded, in Tensor attentionMask, ReadOnlySpan<TransformerLayer> layers)
    {
        var hidden = embedded;
        foreach (var layer in layers)
            hidden = layer.Forward(tape, hidden, attentionMask, Rotary);
        return hidden;
    }
}
