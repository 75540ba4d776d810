using VideoSim.Kernels.Attention;
using VideoSim.Kernels.Rotary;
using VideoSim.Models.Configuration;

namespace VideoSim.Onnx;

/// <summary>The text encoder as nodes; compare <c>src/Models/Encoders/TextEncoder.cs</c>.</summary>
/// <param name="graph">The graph.</param>
/// <param name="config">Kind and sizes.</param>
/// <param name="positions">Positions of a sequence, S: text, or text and frames.</param>
internal sealed class EncoderNodes(OnnxGraph graph, EncoderConfig config, int positions)
{
    private readonly int _width = config.HiddenSize, _heads = config.NumAttentionHeads, _headWidth = config.HiddenSize / config.NumAttentionHeads;
    private readonly bool _isRotary = config.ModelType == EncoderConfig.RoFormer;

    /// <summary>Embeds token ids [B, T] to [B, T, C].</summary>
    public string Embed(string tokenIds, int textLength)
    {
        string name = $"{config.ModelType}.embeddings";
        string sum = graph.Add("Gather", $"{name}.words", [graph.Weight($"{name}.word_embeddings.weight"), tokenIds]);
        if (!_isRotary)
        {
            string rows = graph.Add("Slice", $"{name}.positions", [graph.Weight($"{name}.position_embeddings.weight"), graph.Constants(0), graph.Constants(textLength)]);
            sum = graph.Add("Add", $"{name}.words_and_positions", [sum, rows]);
        }
        string type = graph.Add("Gather", $"{name}.type", [graph.Weight($"{name}.token_type_embeddings.weight"), graph.Constant(0)]);
        return graph.LayerNorm($"{name}.LayerNorm", graph.Add("Add", $"{name}.sum", [sum, type]), config.LayerNormEps);
    }

    /// <summary>Hidden states of the last layer.</summary>
    /// <param name="embedded">[B, S, C]</param>
    /// <param name="attends">Positions that attention reads, bool [B, S].</param>
    /// <returns>[B, S, C]</returns>
    public string Encode(string embedded, string attends) =>
        graph.Reshape("encoder.hidden", Apply(embedded, attends, onlyFirst: false), -1, positions, _width);

    /// <summary>The first position of the result of <see cref="Encode"/>, [B, C].</summary>
    public string EncodeFirst(string embedded, string attends) => Apply(embedded, attends, onlyFirst: true);

    private string Apply(string embedded, string attends, bool onlyFirst)
    {
        string hiddenKeys = graph.Add("Where", "encoder.hidden_keys", [attends, graph.Constant(0f), graph.Constant(AttentionKernels.HiddenKey)]);
        string bias = graph.Unsqueeze("encoder.attention_bias", hiddenKeys, 1, 2); // [B, 1, 1, S]
        string hidden = graph.Reshape("encoder.rows", embedded, -1, _width); // [B*S, C]
        for (int layer = 0; layer < config.NumHiddenLayers; layer++)
            hidden = Layer($"{config.ModelType}.encoder.layer.{layer}", hidden, bias, onlyFirst && layer == config.NumHiddenLayers - 1);
        return hidden;
    }

    // One transformer layer; compare src/Engine/Layers/TransformerLayer.cs. [B*S, C] to [B*S, C], or to [B, C] if only
    // the first position is computed.
    private string Layer(string name, string x, string bias, bool onlyFirst)
    {
        string rows = onlyFirst ? First($"{name}.first", x) : x;
        string context = Attention($"{name}.attention.self", rows, x, bias, onlyFirst);
        string attended = Residual($"{name}.attention.output", context, rows);
        string inner = graph.Gelu($"{name}.intermediate", graph.Linear($"{name}.intermediate.dense", attended));
        return Residual($"{name}.output", inner, attended);
    }

    private string Residual(string name, string x, string residual) =>
        graph.LayerNorm($"{name}.LayerNorm", graph.Add("Add", $"{name}.sum", [residual, graph.Linear($"{name}.dense", x)]), config.LayerNormEps);

    private string First(string name, string x) => graph.Add("Gather", name, [graph.Reshape($"{name}.of", x, -1, positions, _width), graph.Constant(0)], OnnxGraph.Int("axis", 1));

    // Queries come from rows, keys and values from all positions x.
    private string Attention(string name, string rows, string x, string bias, bool onlyFirst)
    {
        string query = Heads($"{name}.query", rows, onlyFirst ? 1 : positions), key = Heads($"{name}.key", x, positions), value = Heads($"{name}.value", x, positions);
        if (_isRotary)
        {
            query = onlyFirst ? query : Turn($"{name}.query", query); // the first position is turned by an angle of 0
            key = Turn($"{name}.key", key);
        }
        query = graph.Transpose($"{name}.query.by_head", query, 0, 2, 1, 3); // [B, H, Q, D]
        key = graph.Transpose($"{name}.key.by_head", key, 0, 2, 3, 1); // [B, H, D, S]
        value = graph.Transpose($"{name}.value.by_head", value, 0, 2, 1, 3); // [B, H, S, D]
        string products = graph.Add("MatMul", $"{name}.products", [query, key]);
        string scores = graph.Add("Mul", $"{name}.scores", [products, graph.Constant(1 / MathF.Sqrt(_headWidth))]);
        string probabilities = graph.Add("Softmax", $"{name}.probabilities", [graph.Add("Add", $"{name}.biased", [scores, bias])], OnnxGraph.Int("axis", -1));
        string context = graph.Add("MatMul", $"{name}.context.by_head", [probabilities, value]);
        return graph.Reshape($"{name}.context", graph.Transpose($"{name}.context.by_position", context, 0, 2, 1, 3), -1, _width);
    }

    // [B*Q, C] to [B, Q, H, D]
    private string Heads(string name, string x, int queries) => graph.Reshape($"{name}.heads", graph.Linear(name, x), -1, queries, _heads, _headWidth);

    // Rotary positions on neighbouring pairs (src/Kernels/Rotary/Rotation.cs), [B, S, H, D]. The even columns of the
    // result come first, then the odd ones. Queries and keys have the same order, so their products do not change.
    private string Turn(string name, string x)
    {
        int half = _headWidth / 2;
        string pairs = graph.Reshape($"{name}.pairs", x, -1, positions, _heads, half, 2);
        string even = graph.Add("Gather", $"{name}.even", [pairs, graph.Constant(0)], OnnxGraph.Int("axis", 4)), odd = graph.Add("Gather", $"{name}.odd", [pairs, graph.Constant(1)], OnnxGraph.Int("axis", 4));
        string sines = Table("rotary.sines", 0), cosines = Table("rotary.cosines", half);
        string turnedEven = graph.Add("Sub", $"{name}.turned_even", [graph.Add("Mul", $"{name}.even_cosine", [even, cosines]), graph.Add("Mul", $"{name}.odd_sine", [odd, sines])]);
        string turnedOdd = graph.Add("Add", $"{name}.turned_odd", [graph.Add("Mul", $"{name}.odd_cosine", [odd, cosines]), graph.Add("Mul", $"{name}.even_sine", [even, sines])]);
        return graph.Add("Concat", $"{name}.turned", [turnedEven, turnedOdd], OnnxGraph.Int("axis", 3));
    }

    // Half of the columns of the table, [S, 1, D/2].
    private string Table(string name, int column)
    {
        int half = _headWidth / 2;
        float[] table = RotaryTable.Create(positions, _headWidth);
        return graph.Constant(name, [positions, 1, half], [.. Enumerable.Range(0, positions * half).Select(i => table[i / half * _headWidth + column + i % half])]);
    }
}
