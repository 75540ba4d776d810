using System.Reflection;
using Xunit;

namespace VideoSim.Cli.Tests;

/// <summary>Arrows point one way: Cli to Models to Engine to Kernels.</summary>
public sealed class LayersTests
{
    private static readonly string[] Layers = ["VideoSim.Kernels", "VideoSim.Engine", "VideoSim.Models", "videosim"];

    [Fact]
    public void References_OfEveryLayer_PointDownwards()
    {
        for (int layer = 0; layer < Layers.Length; layer++)
        {
            var own = Assembly.Load(Layers[layer]).GetReferencedAssemblies().Select(static name => name.Name!)
                .Where(static name => name.StartsWith("videosim", StringComparison.OrdinalIgnoreCase));
            Assert.All(own, name => Assert.InRange(Array.IndexOf(Layers, name), 0, layer - 1));
        }
    }
}
