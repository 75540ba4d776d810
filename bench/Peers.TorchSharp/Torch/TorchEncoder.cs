using TorchSharp;
using VideoSim.Models.Configuration;
using F = TorchSharp.torch.nn.functional;
using TorchTensor = TorchSharp.torch.Tensor;

namespace VideoSim.Peers.Torch;

/// <summary>BERT's encoder (docs/reference-system.md, section 3.1), by libtorch's own operators.</summary>
/// <param name="weights">The weights.</param>
/// <param name="config">The sizes.</param>
internal sealed class TorchEncoder(TorchWeights weights, EncoderConfig config)
{
    private const string Name = "bert";

    private readonly TorchSharp.Modules.Embedding _words = WordsOf(weights, config);

    /// <summary>Name of the table of words.</summary>
    public const string WordTable = $"{Name}.embeddings.word_embeddings.weight";

    /// <summary>Token ids [B, T] to [B, T, C].</summary>
    public TorchTensor Embed(TorchTensor ids, bool training)
    {
        using var scope = torch.NewDisposeScope();
        var words = _words.forward(ids);
        var position = weights[$"{Name}.embeddings.position_embeddings.weight"].narrow(0, 0, ids.shape[1]);
        var type = weights[$"{Name}.embeddings.token_type_embeddings.weight"].narrow(0, 0, 1);
        var y = Norm(words + position + type, $"{Name}.embeddings.LayerNorm");
        return F.dropout(y, config.HiddenDropoutProb, training).MoveToOuterDisposeScope();
    }

    /// <summary>Embedded positions [B, S, C] to [B, S, C]. <paramref name="bias"/> is added to the scores.</summary>
    public TorchTensor Encode(TorchTensor x, TorchTensor bias, bool training) => Apply(x, bias, training, config.NumHiddenLayers);

    /// <summary>
    /// The pooler's output [B, C], of the first position. The last layer computes keys and values of all positions,
    /// and everything else of the first one alone.
    /// </summary>
    public TorchTensor Pool(TorchTensor x, TorchTensor bias, bool training)
    {
        using var scope = torch.NewDisposeScope();
        int last = config.NumHiddenLayers - 1;
        string attention = $"{Name}.encoder.layer.{last}.attention.self.query";
        long width = x.shape[2];
        x = Apply(x, bias, training, last);
        var first = x.narrow(1, 0, 1);
        TorchTensor weight = weights[$"{attention}.weight"], offset = weights[$"{attention}.bias"];
        var query = F.linear(first, weight.narrow(0, 0, width), offset.narrow(0, 0, width));
        var keyValue = F.linear(x, weight.narrow(0, width, 2 * width), offset.narrow(0, width, 2 * width)).chunk(2, 2);
        var hidden = Finish(last, first, Attend(query, keyValue[0], keyValue[1], bias, training), training);
        return torch.tanh(weights.Linear(hidden.squeeze(1), $"{Name}.pooler.dense")).MoveToOuterDisposeScope();
    }

    /// <summary>LayerNorm with the encoder's epsilon.</summary>
    public TorchTensor Norm(TorchTensor x, string name) => weights.LayerNorm(x, name, config.LayerNormEps);

    /// <summary>Attention from queries [B, Q, C] over keys and values [B, S, C] to [B, Q, C].</summary>
    /// <param name="query">Queries.</param>
    /// <param name="key">Keys.</param>
    /// <param name="value">Values.</param>
    /// <param name="bias">Added to the scores.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="dropProbability">Chance to zero a probability.</param>
    public static TorchTensor Attend(TorchTensor query, TorchTensor key, TorchTensor value, TorchTensor bias, int heads, double dropProbability)
    {
        return F.scaled_dot_product_attention(Heads(query), Heads(key), Heads(value), bias, dropProbability).transpose(1, 2).reshape(query.shape);

        TorchTensor Heads(TorchTensor x) => x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);
    }

    // TorchSharp has the lookup only as a module.
    private static TorchSharp.Modules.Embedding WordsOf(TorchWeights weights, EncoderConfig config)
    {
        var words = torch.nn.Embedding(config.VocabSize, config.HiddenSize);
        words.weight = weights[WordTable];
        return words;
    }

    private TorchTensor Apply(TorchTensor x, TorchTensor bias, bool training, int layers)
    {
        using var scope = torch.NewDisposeScope();
        for (int layer = 0; layer < layers; layer++)
            x = Layer(layer, x, bias, training);
        return x.MoveToOuterDisposeScope();
    }

    private TorchTensor Layer(int layer, TorchTensor x, TorchTensor bias, bool training)
    {
        using var scope = torch.NewDisposeScope();
        var parts = weights.Linear(x, $"{Name}.encoder.layer.{layer}.attention.self.query").chunk(3, 2);
        return Finish(layer, x, Attend(parts[0], parts[1], parts[2], bias, training), training).MoveToOuterDisposeScope();
    }

    private TorchTensor Attend(TorchTensor query, TorchTensor key, TorchTensor value, TorchTensor bias, bool training) =>
        Attend(query, key, value, bias, config.NumAttentionHeads, training ? config.AttentionProbsDropoutProb : 0);

    private TorchTensor Finish(int layer, TorchTensor x, TorchTensor context, bool training)
    {
        string name = $"{Name}.encoder.layer.{layer}";
        var attended = Norm(x + F.dropout(weights.Linear(context, $"{name}.attention.output.dense"), config.HiddenDropoutProb, training), $"{name}.attention.output.LayerNorm");
        var inner = F.gelu(weights.Linear(attended, $"{name}.intermediate.dense"));
        return Norm(attended + F.dropout(weights.Linear(inner, $"{name}.output.dense"), config.HiddenDropoutProb, training), $"{name}.output.LayerNorm");
    }
}
