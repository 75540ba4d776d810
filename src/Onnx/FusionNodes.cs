namespace VideoSim.Onnx;

/// <summary>Fusion of one expert as nodes; compare <c>src/Models/Layers/Fusion.cs</c>.</summary>
internal static class FusionNodes
{
    /// <summary>From vision [B, N] and text [B, N] to the expert's embedding [B, EmbeddingWidth].</summary>
    public static string Add(OnnxGraph graph, string name, string vision, string text)
    {
        string joined = graph.Add("Concat", $"{name}.joined", [vision, text], OnnxGraph.Int("axis", 1));
        string u = graph.Add("Relu", $"{name}.u", [graph.Linear($"{name}.dense", joined)]);
        string squeezed = graph.Add("Relu", $"{name}.squeezed", [graph.Linear($"{name}.squeeze", u, bias: false)]);
        return graph.Add("Mul", $"{name}.gated", [u, graph.Add("Sigmoid", $"{name}.gate", [graph.Linear($"{name}.excite", squeezed, bias: false)])]);
    }
}
