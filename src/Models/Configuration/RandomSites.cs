using VideoSim.Engine.Layers;

namespace VideoSim.Models.Configuration;

/// <summary>
/// One explicit number for every use of random numbers. So a change of one model does not change the masks of another.
/// </summary>
internal static class RandomSites
{
    public const uint Embeddings = 1;
    public const uint Vlad = 2;
    public const uint Fusion = 3;
    public const uint TokenMasks = 4;
    public const uint Rollbacks = 5;

    private const uint FirstLayer = 16;

    /// <summary>The first number of an encoder layer.</summary>
    public static uint Layer(int layer) => FirstLayer + (uint)layer * TransformerLayer.Sites;
}
