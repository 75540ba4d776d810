using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Configuration;
using VideoSim.Models.Layers;

namespace VideoSim.Models.Encoders;

/// <summary>
/// The text encoder of BERT (Devlin et al., 2018; specification 3.1): embeddings, then layers of attention and
/// feed-forward, each followed by dropout, residual and LayerNorm; and the pooler on the first position.
/// </summary>
internal sealed class BertEncoder
{
    private readonly EncoderConfig _config;
    private readonly Parameter _word, _position, _type;
    private readonly Norm _embeddingNorm;
    private readonly Layer[] _layers;
    private readonly Dense _pooler;

    public BertEncoder(ParameterStore store, int group, EncoderConfig config)
    {
        _config = config;
        var initializer = Initializers.TruncatedNormal(config.InitializerRange);
        int width = config.HiddenSize;
        _word = store.Add(group, "bert.embeddings.word_embeddings.weight", new Shape(config.VocabSize, width), initializer);
        _position = store.Add(group, "bert.embeddings.position_embeddings.weight", new Shape(config.MaxPositionEmbeddings, width), initializer);
        _type = store.Add(group, "bert.embeddings.token_type_embeddings.weight", new Shape(config.TypeVocabSize, width), initializer);
        _embeddingNorm = new Norm(store, group, "bert.embeddings.LayerNorm", config);
        _layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(index => new Layer(store, group, index, config))];
        _pooler = new Dense(store, group, "bert.pooler.dense", width, width, initializer);
    }

    /// <summary>Hidden states of the last layer.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="tokens">Token ids [B, T] with their sorted occurrences.</param>
    /// <param name="attentionMask">[B, T], 1 keeps.</param>
    /// <returns>[B, T, C]</returns>
    public Tensor Forward(Tape tape, in TokenBatch tokens, in Tensor attentionMask)
    {
        var sum = Embedding.Forward(tape, tokens, tape.Use(_word), tape.Use(_position), tape.Use(_type));
        var hidden = _embeddingNorm.Forward(tape, sum, residual: default, site: 0, dropProbability: 0);
        hidden = Dropout.Forward(tape, hidden, DropoutSites.Embeddings, _config.HiddenDropoutProb);
        foreach (var layer in _layers)
            hidden = layer.Forward(tape, hidden, attentionMask);
        return hidden;
    }

    /// <summary>tanh of a linear map of the first position: [B, T, C] to [B, C].</summary>
    public Tensor Pool(Tape tape, in Tensor hidden) =>
        Activation.Forward(tape, _pooler.Forward(tape, SelectPosition.Forward(tape, hidden, 0)), ActivationKind.Tanh);

    private sealed class Norm(ParameterStore store, int group, string name, EncoderConfig config)
    {
        private readonly Parameter _weight = store.Add(group, $"{name}.weight", new Shape(config.HiddenSize), Initializers.Ones);
        private readonly Parameter _bias = store.Add(group, $"{name}.bias", new Shape(config.HiddenSize), Initializers.Zeros);

        public Tensor Forward(Tape tape, in Tensor x, in Tensor residual, uint site, float dropProbability) =>
            ResidualNorm.Forward(tape, x, residual, tape.Use(_weight), tape.Use(_bias), config.LayerNormEps, site, dropProbability);
    }

    private sealed class Layer
    {
        private readonly EncoderConfig _config;
        private readonly int _index;
        private readonly Parameter _queryKeyValue, _queryKeyValueBias;
        private readonly Dense _attentionOutput, _intermediate, _output;
        private readonly Norm _attentionNorm, _outputNorm;

        public Layer(ParameterStore store, int group, int index, EncoderConfig config)
        {
            (_config, _index) = (config, index);
            var initializer = Initializers.TruncatedNormal(config.InitializerRange);
            int width = config.HiddenSize;
            string name = $"bert.encoder.layer.{index}";
            string[] parts = [$"{name}.attention.self.query", $"{name}.attention.self.key", $"{name}.attention.self.value"];
            // One product computes all three.
            _queryKeyValue = store.Stack(group, new Shape(3 * width, width),
                [.. parts.Select(part => ($"{part}.weight", new Shape(width, width)))], initializer);
            _queryKeyValueBias = store.Stack(group, new Shape(3 * width),
                [.. parts.Select(part => ($"{part}.bias", new Shape(width)))], Initializers.Zeros);
            _attentionOutput = new Dense(store, group, $"{name}.attention.output.dense", width, width, initializer);
            _attentionNorm = new Norm(store, group, $"{name}.attention.output.LayerNorm", config);
            _intermediate = new Dense(store, group, $"{name}.intermediate.dense", width, config.IntermediateSize, initializer);
            _output = new Dense(store, group, $"{name}.output.dense", config.IntermediateSize, width, initializer);
            _outputNorm = new Norm(store, group, $"{name}.output.LayerNorm", config);
        }

        public Tensor Forward(Tape tape, in Tensor x, in Tensor attentionMask)
        {
            var shape = x.Shape; // [B, S, C]
            var queryKeyValue = Linear.Forward(tape, x, tape.Use(_queryKeyValue), tape.Use(_queryKeyValueBias))
                .Reshape(new Shape(shape[0], shape[1], 3 * shape[2]));
            var context = Attention.Forward(tape, queryKeyValue, attentionMask, _config.NumAttentionHeads,
                DropoutSites.AttentionProbabilities(_index), _config.AttentionProbsDropoutProb);
            var attended = _attentionNorm.Forward(tape, _attentionOutput.Forward(tape, context).Reshape(shape), x,
                DropoutSites.AttentionOutput(_index), _config.HiddenDropoutProb);
            var inner = Activation.Forward(tape, _intermediate.Forward(tape, attended), ActivationKind.Gelu);
            return _outputNorm.Forward(tape, _output.Forward(tape, inner).Reshape(shape), attended,
                DropoutSites.FeedForward(_index), _config.HiddenDropoutProb);
        }
    }
}
