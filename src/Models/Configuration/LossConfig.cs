namespace VideoSim.Models.Configuration;

/// <summary>Weights and temperatures of the losses (specification 4); the defaults are the published ones.</summary>
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

    /// <summary>Weight of the tag term in finetuning.</summary>
    public float TagWeight { get; set; } = 1;
}
