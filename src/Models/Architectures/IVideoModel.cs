using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Architectures;

/// <summary>
/// A model for training and inference. Its methods record one step on a tape and must not read tensor values.
/// </summary>
public interface IVideoModel
{
    /// <summary>Weights and saved states.</summary>
    ParameterStore Parameters { get; }

    /// <summary>Video embeddings [B, EmbeddingWidth] of a batch.</summary>
    Tensor Embed(Tape tape, BatchBlock batch);

    /// <summary>
    /// Video embeddings [B, EmbeddingWidth] and tag logits [B, tags] of a batch; default logits for a model without
    /// tags.
    /// </summary>
    (Tensor Embedding, Tensor TagLogits) Predict(Tape tape, BatchBlock batch);

    /// <summary>Training on single videos.</summary>
    /// <param name="videos">Videos of a batch.</param>
    /// <param name="losses">Weights of the terms.</param>
    TrainingStage Pretraining(int videos, LossConfig losses);

    /// <summary>Training on labelled pairs.</summary>
    /// <param name="pairs">Pairs of a batch.</param>
    /// <param name="losses">Weights of the terms.</param>
    TrainingStage Finetuning(int pairs, LossConfig losses);
}

/// <summary>
/// The two groups of parameters, each with a learning rate of its own (docs/reference-system.md, section 5.1).
/// </summary>
public static class ParameterGroups
{
    /// <summary>Everything in the text encoder.</summary>
    public const int Encoder = 0;

    /// <summary>Everything else.</summary>
    public const int Rest = 1;

    /// <summary>Number of groups.</summary>
    public const int Count = 2;
}
