using VideoSim.Kernels.L2Norm;
using VideoSim.Models.Configuration;

namespace VideoSim.Onnx;

/// <summary>
/// NeXtVLAD of one expert as nodes; compare <c>src/Models/Layers/NeXtVlad.cs</c> and the aggregation that it uses,
/// <c>src/Kernels/Vlad</c>.
/// </summary>
internal static class NeXtVladNodes
{
    /// <summary>Pools masked frames [B*F, W] to [B, VladWidth].</summary>
    public static string Add(OnnxGraph graph, ModelConfig config, string name, string frames)
    {
        int rows = config.Frames * config.VladGroups, clusters = config.VladClusters, groupWidth = config.VladExpandedWidth / config.VladGroups;
        string hidden = graph.Linear($"{name}.expand", frames); // [B*F, G*D]
        string clusterLogits = graph.BatchNorm($"{name}.cluster_norm", graph.Linear($"{name}.cluster", hidden, bias: false)); // [B*F, G*K]
        string groupLogits = graph.Linear($"{name}.attention", hidden); // [B*F, G]
        string softmax = graph.Add("Softmax", $"{name}.softmax", [graph.Reshape($"{name}.cluster_rows", clusterLogits, -1, rows, clusters)], OnnxGraph.Int("axis", -1));
        string open = graph.Add("Sigmoid", $"{name}.open", [graph.Reshape($"{name}.group_rows", groupLogits, -1, rows, 1)]);
        string assignment = graph.Add("Mul", $"{name}.assignment", [softmax, open]); // [B, F*G, K]
        string groups = graph.Transpose($"{name}.groups", graph.Reshape($"{name}.hidden_rows", hidden, -1, rows, groupWidth), 0, 2, 1); // [B, D, F*G]
        string mass = graph.Add("ReduceSum", $"{name}.mass", [assignment, graph.Constants(1)]); // [B, 1, K]
        string ofCentres = graph.Add("Mul", $"{name}.of_centres", [mass, graph.Weight($"{name}.centres")]); // [B, D, K]
        string residuals = graph.Add("Sub", $"{name}.residuals", [graph.Add("MatMul", $"{name}.sums", [groups, assignment]), ofCentres]);
        string squares = graph.Add("ReduceSumSquare", $"{name}.squares", [residuals], OnnxGraph.Ints("axes", 1)); // [B, 1, K]
        string lengths = graph.Add("Sqrt", $"{name}.lengths", [graph.Add("Max", $"{name}.floored", [squares, graph.Constant(L2NormKernels.SmallestSquares)])]);
        string aggregated = graph.Reshape($"{name}.aggregated", graph.Add("Div", $"{name}.normalised", [residuals, lengths]), -1, groupWidth * clusters);
        return graph.Linear($"{name}.output", aggregated);
    }
}
