using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Architectures;

/// <summary>What a step leaves on the device.</summary>
/// <param name="Embedding">Video embeddings [B, EmbeddingWidth].</param>
/// <param name="Losses">The objective.</param>
/// <param name="Cosines">Similarity of each pair [P], or default.</param>
public sealed record StepOutputs(Tensor Embedding, LossTerms Losses, Tensor Cosines);

/// <summary>A model as training and inference see it. Its methods build one step on a tape; they may not look at values.</summary>
public interface IVideoModel
{
    /// <summary>Weights and saved states.</summary>
    ParameterStore Parameters { get; }

    /// <summary>Video embeddings [B, EmbeddingWidth] of a batch.</summary>
    Tensor Embed(Tape tape, BatchBlock batch);

    /// <summary>Video embeddings [B, EmbeddingWidth] and tag logits [B, tags] of a batch.</summary>
    (Tensor Embedding, Tensor TagLogits) Predict(Tape tape, BatchBlock batch);

    /// <summary>Whether pretraining masks tokens for the model to find out.</summary>
    bool MasksTokens { get; }

    /// <summary>Losses of single videos (specification 4.7, pretraining rows).</summary>
    /// <param name="tape">The step.</param>
    /// <param name="batch">Its input.</param>
    /// <param name="losses">Weights of the terms.</param>
    /// <param name="maskedRows">How many masked tokens the step has room for, where the model masks tokens; the first ones of the batch.</param>
    StepOutputs PretrainingLoss(Tape tape, BatchBlock batch, LossConfig losses, int maskedRows);

    /// <summary>Losses of pairs (specification 4.7, finetuning rows).</summary>
    StepOutputs FinetuningLoss(Tape tape, BatchBlock batch, LossConfig losses);
}

/// <summary>The two groups of parameters, each with a learning rate of its own (specification 5.1).</summary>
public static class ParameterGroups
{
    /// <summary>Everything in the text encoder.</summary>
    public const int Encoder = 0;

    /// <summary>Everything else.</summary>
    public const int Rest = 1;

    /// <summary>Number of groups.</summary>
    public const int Count = 2;
}
