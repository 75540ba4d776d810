using VideoSim.Models.Configuration;

namespace VideoSim.Onnx;

/// <summary>Uniter as nodes; compare <c>src/Models/Architectures/Uniter.cs</c>.</summary>
internal static class UniterNodes
{
    /// <summary>The embedding [B, EmbeddingWidth] of a batch.</summary>
    public static string Add(OnnxGraph graph, ModelConfig config, in InputNodes inputs)
    {
        int hidden = config.Encoder.HiddenSize;
        var encoder = new EncoderNodes(graph, config.Encoder, config.TextLength + config.Frames);
        string mapped = graph.Add("Relu", "frame_map.relu", [graph.Linear("frame_map", graph.Reshape("frames.rows", inputs.Frames, -1, config.FrameWidth))]);
        string frames = graph.Reshape("frames.mapped", mapped, -1, config.Frames, hidden); // [B, F, C]
        string sequence = graph.Add("Concat", "sequence", [encoder.Embed(inputs.TokenIds, config.TextLength), frames], OnnxGraph.Int("axis", 1)); // [B, S, C]
        string attends = graph.Add("Concat", "sequence.mask", [inputs.Attends, inputs.OwnFrames], OnnxGraph.Int("axis", 1)); // [B, S]
        string states = encoder.Encode(sequence, attends);
        return graph.Add("Identity", "embedding", [graph.Linear("fc", config.MaskedPooling ? MaskedMean(graph, states, attends)
            : graph.Add("ReduceMean", "mean", [states], OnnxGraph.Ints("axes", 1), OnnxGraph.Int("keepdims", 0)))]);
    }

    private static string MaskedMean(OnnxGraph graph, string states, string attends)
    {
        string kept = graph.Add("Where", "mean.kept", [graph.Unsqueeze("mean.mask", attends, 2), states, graph.Constant(0f)]);
        string sum = graph.Add("ReduceSum", "mean.sum", [kept, graph.Constants(1)], OnnxGraph.Int("keepdims", 0)); // [B, C]
        string ones = graph.Add("Where", "mean.ones", [attends, graph.Constant(1f), graph.Constant(0f)]);
        return graph.Add("Div", "mean", [sum, graph.Add("ReduceSum", "mean.count", [ones, graph.Constants(1)])]);
    }
}
