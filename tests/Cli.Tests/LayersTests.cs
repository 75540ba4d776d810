using System.Reflection;
using Xunit;

namespace VideoSim.Cli.Tests;

/// <summary>
/// Things that a layer must not use. The compiler checks the direction of the arrows: projects cannot refer to each
/// other in a circle.
/// </summary>
public sealed class LayersTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly string[] Layers = ["VideoSim.Kernels", "VideoSim.Engine", "VideoSim.Models", "videosim"];

    [Theory]
    [InlineData("VideoSim.Kernels", "System.Console", "System.Threading", "System.Threading.Thread", "System.Threading.Tasks.Parallel", "System.Threading.ThreadPool")]
    [InlineData("VideoSim.Engine", "System.Console", "VideoSim.PtxMachine", "ScottPlot", "SkiaSharp")]
    [InlineData("VideoSim.PtxMachine", "System.Console", "VideoSim.Models", "videosim", "ScottPlot", "SkiaSharp")]
    [InlineData("videosim", "ScottPlot", "SkiaSharp")]
    [InlineData("VideoSim.Models", "System.Console", "System.CommandLine", "PureHDF", "VideoSim.Pretrained.Hdf5", "Parquet", "VideoSim.Import.Parquet", "VideoSim.Search.USearch", "Google.Protobuf", "VideoSim.Onnx", "VideoSim.TensorBoard", "VideoSim.Server", "Microsoft.AspNetCore", "Prometheus.NetStandard", "VideoSim.PtxMachine", "ScottPlot", "SkiaSharp")]
    public void References_OfALayer_HaveNothingThatIsAnotherLayers(string layer, params string[] others)
    {
        string[] references = [.. Assembly.Load(layer).GetReferencedAssemblies().Select(static name => name.Name!)];
        Assert.Contains("System.Runtime", references);
        Assert.Empty(references.Intersect(others));
    }

    [Fact]
    public void NativeFunctions_OfAllLayers_AreInEngineInterop()
    {
        string[] places = [.. from layer in Layers
                              from type in Assembly.Load(layer).GetTypes()
                              where type.GetMethods(Declared).Any(static method => method.Attributes.HasFlag(MethodAttributes.PinvokeImpl))
                              select type.Namespace!];
        Assert.Equal("VideoSim.Engine.Interop", Assert.Single(places.Distinct()));
    }

    // In a layer with the namespace VideoSim.Models.X, the name X is the namespace. A type X would need its full name
    // or an alias.
    [Fact]
    public void TypeNames_ThatALayerSees_AreNotThoseOfItsNamespaces()
    {
        var types = new List<Type>();
        foreach (var assembly in Layers.Select(Assembly.Load))
        {
            types.AddRange(assembly.GetTypes());
            var segments = assembly.GetTypes().SelectMany(static type => (type.Namespace ?? "").Split('.')).ToHashSet();
            Assert.Empty(types.Where(type => segments.Contains(type.Name.Split('`')[0])).Select(static type => type.FullName));
        }
    }
}
