using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;

namespace VideoSim.Models.Configuration;

/// <summary>
/// Weights and temperatures of the losses (docs/reference-system.md, section 4); the defaults are the published ones.
/// </summary>
public sealed record LossConfig
{
    /// <summary>Weight of the consistency between mixture and experts in pretraining.</summary>
    public float ConsistencyWeight { get; set; } = 10;

    /// <summary>Temperature of the consistency's softmax.</summary>
    public float ConsistencyTemperature { get; set; } = 2;

    /// <summary>Weight of the contrastive loss in pretraining, divided by the number of experts.</summary>
    public float ContrastiveWeight { get; set; } = 10;

    /// <summary>Temperature of the contrastive loss.</summary>
    public float ContrastiveTemperature { get; set; } = 0.07f;

    /// <summary>Weight of the KL term in finetuning.</summary>
    public float KlWeight { get; set; } = 0.5f;

    /// <summary>Weight of the tag terms. Without tags it must be 0.</summary>
    public float TagWeight { get; set; } = 1;

    /// <summary>Weight of the masked-token term in the pretraining of models that have one.</summary>
    public float MlmWeight { get; set; } = 10;

    /// <summary>
    /// Focusing exponent of the tag loss for present tags; 0 in cross-entropy and in the published asymmetric loss.
    /// </summary>
    public float PositiveGamma { get; set; }

    /// <summary>
    /// Focusing exponent of the tag loss for absent tags; 0 is cross-entropy, 1 the published asymmetric loss.
    /// </summary>
    public float NegativeGamma { get; set; }

    /// <summary>Subtracted from the probability of absent tags in the tag loss.</summary>
    public float Margin { get; set; }

    /// <summary>The tag loss.</summary>
    [JsonIgnore]
    public LabelFocus Focus => new(PositiveGamma, NegativeGamma, Margin);

    /// <summary>The objective of finetuning.</summary>
    /// <param name="pairs">The loss terms that compare the similarities of pairs with their targets.</param>
    /// <param name="tags">The tag term of all videos of the pairs; none for a model without tags.</param>
    public LossTerms OfPairs(in PairTerms pairs, LossTerm[] tags) =>
        new([new("squared_error", 1, pairs.SquaredError) { IsSum = true }, new("kl", KlWeight, pairs.Kl) { IsSum = true }, .. tags]);

    /// <summary>Checks the numbers.</summary>
    /// <exception cref="DataException">One is out of range; the message names it.</exception>
    public void Validate(string stage) => ConfigKeys.Require(this, ConfigurationJson.Default.LossConfig, $"{stage}.losses.");
}
