using VideoSim.Engine.Layers;

namespace VideoSim.Models.Configuration;

/// <summary>One explicit number for every use of random numbers, so that no rewrite of a model changes another's masks.</summary>
internal static class RandomSites
{
    public const uint Embeddings = 1;
    public const uint Vlad = 2;
    public const uint Fusion = 3;
    public const uint TokenMasks = 4;

    private const uint FirstLayer = 16;

    /// <summary>The first number of an encoder layer's.</summary>
    public static uint Layer(int layer) => FirstLayer + (uint)layer * TransformerLayer.Sites;
}
