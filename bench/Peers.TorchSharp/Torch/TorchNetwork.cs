using TorchSharp;
using VideoSim.Models.Configuration;
using F = TorchSharp.torch.nn.functional;
using TorchTensor = TorchSharp.torch.Tensor;

namespace VideoSim.Peers.Torch;

/// <summary>
/// A network as a careful user of TorchSharp writes it: the same formulas and the same exact rewrites as VideoSim's,
/// libtorch's fused operators where it has one, and scopes that free tensors early.
/// </summary>
internal abstract class TorchNetwork
{
    /// <summary>Creates the peer of a model.</summary>
    /// <param name="weights">Weights of that model.</param>
    /// <param name="config">The sizes.</param>
    /// <param name="losses">Weights of the terms of pretraining.</param>
    public static TorchNetwork Of(TorchWeights weights, ModelConfig config, LossConfig losses) =>
        config.Model == "uniter" ? new TorchUniter(weights, config, losses) : new TorchMix(weights, config, losses);

    /// <summary>Embeddings of videos [B, EmbeddingWidth], without dropout.</summary>
    public abstract TorchTensor Embed(TorchBatch batch);

    /// <summary>The objective of pretraining.</summary>
    public abstract TorchTensor Loss(TorchBatch batch);

    /// <summary>Binary cross-entropy of the tags: sum over tags, mean over videos.</summary>
    protected static TorchTensor TagLoss(TorchTensor logits, TorchBatch batch) =>
        F.binary_cross_entropy_with_logits(logits, batch.Labels, reduction: torch.nn.Reduction.Sum) / batch.Videos;
}
