using TorchSharp;
using VideoSim.Models.Configuration;
using F = TorchSharp.torch.nn.functional;
using TorchTensor = TorchSharp.torch.Tensor;

namespace VideoSim.Peers.Torch;

/// <summary>NeXtVLAD pooling of one expert (docs/reference-system.md, section 3.3).</summary>
/// <param name="weights">The weights.</param>
/// <param name="name">What their names begin with.</param>
/// <param name="config">The sizes.</param>
internal sealed class TorchNextVlad(TorchWeights weights, string name, ModelConfig config)
{
    /// <summary>Frames [B, F, W] to [B, VladWidth].</summary>
    public TorchTensor Forward(TorchTensor frames, bool training)
    {
        using var scope = torch.NewDisposeScope();
        long videos = frames.shape[0], items = frames.shape[1] * config.VladGroups; // a group of a frame is an item
        var hidden = weights.Linear(frames, $"{name}.expand");
        var gate = torch.sigmoid(weights.Linear(hidden, $"{name}.attention")).view(videos, items, 1);
        var logits = weights.BatchNorm(weights.Linear(hidden, $"{name}.cluster").view(-1, config.VladGroups * config.VladClusters), $"{name}.cluster_norm", training);
        var assignment = F.softmax(logits.view(videos, items, config.VladClusters), -1) * gate;
        var centres = weights[$"{name}.centres"].unsqueeze(0);
        var descriptor = torch.bmm(hidden.view(videos, items, -1).transpose(1, 2), assignment) - assignment.sum(1).unsqueeze(1) * centres;
        var unit = F.normalize(descriptor, 2, 1).reshape(videos, -1); // each cluster over the width of a group
        return weights.Linear(F.dropout(unit, config.VladDropout, training), $"{name}.output").MoveToOuterDisposeScope();
    }
}
