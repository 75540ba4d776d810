using VideoSim.Models.Configuration;

namespace VideoSim.Onnx;

/// <summary>A text as one vector; compare <c>src/Models/Encoders/TextTower.cs</c>.</summary>
internal static class TowerNodes
{
    /// <summary>From token ids [B, T] and the positions that count, bool [B, T], to [B, C].</summary>
    public static string Add(OnnxGraph graph, ModelConfig config, string tokenIds, string attends)
    {
        var encoder = new EncoderNodes(graph, config.Encoder, config.TextLength);
        string embedded = encoder.Embed(tokenIds, config.TextLength);
        if (config.Encoder.ModelType == EncoderConfig.Bert)
            return graph.Add("Tanh", "text_summary", [graph.Linear("bert.pooler.dense", encoder.EncodeFirst(embedded, attends))]);
        string hidden = encoder.Encode(embedded, attends);
        if (config.MaskedPooling)
            hidden = graph.Add("Where", "text_summary.positions", [graph.Unsqueeze("text_summary.mask", attends, 2), hidden, graph.Constant(float.NegativeInfinity)]);
        return graph.Add("ReduceMax", "text_summary", [hidden], OnnxGraph.Ints("axes", 1), OnnxGraph.Int("keepdims", 0));
    }
}
