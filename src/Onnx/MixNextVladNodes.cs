using VideoSim.Models.Configuration;

namespace VideoSim.Onnx;

/// <summary>MixNextvlad as nodes; compare <c>src/Models/Architectures/MixNextVlad.cs</c>.</summary>
internal static class MixNextVladNodes
{
    /// <summary>The embedding [B, EmbeddingWidth] of a batch.</summary>
    public static string Add(OnnxGraph graph, ModelConfig config, in InputNodes inputs)
    {
        string text = graph.Add("Relu", "text", [graph.Linear("text_map", TowerNodes.Add(graph, config, inputs.TokenIds, inputs.Attends))]); // [B, N]
        string own = graph.Unsqueeze("frames.own", inputs.OwnFrames, 2); // [B, F, 1]
        string masked = graph.Add("Where", "frames.masked", [own, inputs.Frames, graph.Constant(0f)]);
        string frames = graph.Reshape("frames.rows", masked, -1, config.FrameWidth); // [B*F, W]
        string meanFrame = graph.Add("ReduceMean", "frames.mean", [inputs.Frames], OnnxGraph.Ints("axes", 1), OnnxGraph.Int("keepdims", 0));
        string gateInput = graph.BatchNorm("gate.norm", graph.Add("Concat", "gate.input", [meanFrame, text], OnnxGraph.Int("axis", 1)));
        string weights = graph.Add("Softmax", "gate", [graph.Linear("gate.dense", gateInput)], OnnxGraph.Int("axis", -1)); // [B, E]
        string[] experts = new string[config.Experts];
        for (int k = 0; k < experts.Length; k++)
        {
            string vision = NeXtVladNodes.Add(graph, config, $"experts.{k}.vlad", frames);
            experts[k] = graph.Unsqueeze($"experts.{k}.embedding", FusionNodes.Add(graph, $"experts.{k}.fusion", vision, text), 1); // [B, 1, width]
        }
        string stack = graph.Add("Concat", "experts.embedding", experts, OnnxGraph.Int("axis", 1)); // [B, E, width]
        string weighted = graph.Add("Mul", "experts.weighted", [stack, graph.Unsqueeze("gate.column", weights, 2)]);
        return graph.Add("ReduceSum", "embedding", [weighted, graph.Constants(1)], OnnxGraph.Int("keepdims", 0));
    }
}
