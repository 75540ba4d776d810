using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Configuration;
using VideoSim.Models.Layers;

namespace VideoSim.Models.Encoders;

/// <summary>
/// The text encoder of BERT (Devlin et al., 2018; specification 3.1) in two steps: an embedding of tokens, and a stack of
/// transformer layers, which takes any embedded sequence.
/// </summary>
internal sealed class TextEncoder
{
    private readonly EncoderConfig _config;
    private readonly Parameter _position, _type;
    private readonly LayerNormalization _norm;
    private readonly TransformerLayer[] _layers;

    public TextEncoder(ParameterStore store, int group, EncoderConfig config)
    {
        _config = config;
        var initializer = Initializers.TruncatedNormal(config.InitializerRange);
        int width = config.HiddenSize;
        WordTable = store.Add(group, "bert.embeddings.word_embeddings.weight", new Shape(config.VocabSize, width), initializer);
        _position = store.Add(group, "bert.embeddings.position_embeddings.weight", new Shape(config.MaxPositionEmbeddings, width), initializer);
        _type = store.Add(group, "bert.embeddings.token_type_embeddings.weight", new Shape(config.TypeVocabSize, width), initializer);
        _norm = new LayerNormalization(store, group, "bert.embeddings.LayerNorm", config);
        _layers = [.. Enumerable.Range(0, config.NumHiddenLayers)
            .Select(index => new TransformerLayer(store, group, $"bert.encoder.layer.{index}", index, config))];
    }

    /// <summary>The table of word embeddings [V, C], which a head over the vocabulary may share.</summary>
    public Parameter WordTable { get; }

    /// <summary>Embeds token ids [B, T] to [B, T, C]: the sum of tables, normalised, with dropout.</summary>
    public Tensor Embed(Tape tape, in TokenBatch tokens)
    {
        var sum = Embedding.Forward(tape, tokens, tape.Use(WordTable), tape.Use(_position), tape.Use(_type));
        return Dropout.Forward(tape, _norm.Forward(tape, sum), DropoutSites.Embeddings, _config.HiddenDropoutProb);
    }

    /// <summary>Hidden states of the last layer for an embedded sequence, of text or of anything else of that width.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="embedded">[B, S, C]; position p of the sequence is row p.</param>
    /// <param name="attentionMask">Which positions are looked at, Int32 [B, S]: 1 keeps.</param>
    /// <returns>[B, S, C]</returns>
    public Tensor Encode(Tape tape, in Tensor embedded, in Tensor attentionMask)
    {
        var hidden = embedded;
        foreach (var layer in _layers)
            hidden = layer.Forward(tape, hidden, attentionMask);
        return hidden;
    }
}
