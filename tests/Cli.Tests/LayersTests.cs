using System.Reflection;
using Xunit;

namespace VideoSim.Cli.Tests;

/// <summary>What each layer leaves to the others. That arrows between them point one way is the compiler's rule: projects cannot refer to each other in a circle.</summary>
public sealed class LayersTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    [Theory]
    [InlineData("VideoSim.Kernels", "System.Console", "System.Threading", "System.Threading.Thread", "System.Threading.Tasks.Parallel", "System.Threading.ThreadPool")]
    [InlineData("VideoSim.Engine", "System.Console")]
    [InlineData("VideoSim.Models", "System.Console", "System.CommandLine", "PureHDF", "VideoSim.Pretrained.Hdf5")]
    public void References_OfALayer_HaveNothingThatIsAnotherLayers(string layer, params string[] others)
    {
        string[] references = [.. Assembly.Load(layer).GetReferencedAssemblies().Select(static name => name.Name!)];
        Assert.Contains("System.Runtime", references);
        Assert.Empty(references.Intersect(others));
    }

    [Fact]
    public void NativeFunctions_OfAllLayers_AreInEngineInterop()
    {
        string[] places = [.. from layer in new[] { "VideoSim.Kernels", "VideoSim.Engine", "VideoSim.Models", "videosim" }
                              from type in Assembly.Load(layer).GetTypes()
                              where type.GetMethods(Declared).Any(static method => method.Attributes.HasFlag(MethodAttributes.PinvokeImpl))
                              select type.Namespace!];
        Assert.Equal("VideoSim.Engine.Interop", Assert.Single(places.Distinct()));
    }
}
