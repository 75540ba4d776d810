using VideoSim.Engine.Layers;

namespace VideoSim.Onnx;

/// <summary>The layers of <c>src/Engine/Layers</c> as nodes, with the names of their weights.</summary>
internal static class LayerNodes
{
    /// <summary>A linear map of rows: [rows, in] to [rows, out], with weights [out, in].</summary>
    public static string Linear(this OnnxGraph graph, string name, string x, bool bias = true)
    {
        string weight = graph.Weight($"{name}.weight");
        return graph.Add("Gemm", name, bias ? [x, weight, graph.Weight($"{name}.bias")] : [x, weight], OnnxGraph.Int("transB", 1));
    }

    /// <summary>Batch normalisation of rows [rows, width] with the running averages.</summary>
    public static string BatchNorm(this OnnxGraph graph, string name, string x) => graph.Add("BatchNormalization", name,
        [x, graph.Weight($"{name}.weight"), graph.Weight($"{name}.bias"), graph.Weight($"{name}.running_mean"), graph.Weight($"{name}.running_var")],
        OnnxGraph.Float("epsilon", BatchNormalization.Epsilon));

    /// <summary>Layer normalisation over the last dimension.</summary>
    public static string LayerNorm(this OnnxGraph graph, string name, string x, float epsilon) => graph.Add("LayerNormalization", name,
        [x, graph.Weight($"{name}.weight"), graph.Weight($"{name}.bias")], OnnxGraph.Float("epsilon", epsilon));

    /// <summary>x (1 + erf(x / sqrt 2)) / 2</summary>
    public static string Gelu(this OnnxGraph graph, string name, string x)
    {
        string scaled = graph.Add("Mul", $"{name}.scaled", [x, graph.Constant(1 / MathF.Sqrt(2))]);
        string shifted = graph.Add("Add", $"{name}.shifted", [graph.Add("Erf", $"{name}.erf", [scaled]), graph.Constant(1f)]);
        return graph.Add("Mul", name, [graph.Add("Mul", $"{name}.half", [x, graph.Constant(0.5f)]), shifted]);
    }
}
