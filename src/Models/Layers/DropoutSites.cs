namespace VideoSim.Models.Layers;

/// <summary>One explicit number for every use of random numbers, so that no rewrite of a model changes another's masks.</summary>
internal static class DropoutSites
{
    public const uint Embeddings = 1;
    public const uint Vlad = 2;
    public const uint Fusion = 3;
    public const uint TokenMasks = 4;

    private const uint FirstLayer = 16, SitesPerLayer = 4;

    /// <summary>Dropout on attention probabilities of an encoder layer.</summary>
    public static uint AttentionProbabilities(int layer) => FirstLayer + (uint)layer * SitesPerLayer;

    /// <summary>Dropout on the attention's output.</summary>
    public static uint AttentionOutput(int layer) => AttentionProbabilities(layer) + 1;

    /// <summary>Dropout on the feed-forward output.</summary>
    public static uint FeedForward(int layer) => AttentionProbabilities(layer) + 2;
}
