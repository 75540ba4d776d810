using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Architectures;

/// <summary>Before training, tag heads give every tag the preset's prior.</summary>
public sealed class TagPriorTests
{
    [Theory]
    [InlineData("mix", 0.015, 3)]
    [InlineData("uniter", 0.015, 1)]
    [InlineData("mix", 0.9, 3)]
    [InlineData("uniter", 0.9, 1)]
    public void Initialize_Prior_IsWhatTheBiasAloneGives(string model, double prior, int heads)
    {
        using var device = new CpuDevice(1);
        using var parameters = ModelZoo.Create(Preset.Load("micro", model, [$"model.tag_prior={prior}"]).Model).Parameters;
        parameters.Allocate(device, training: false);
        parameters.Initialize(seed: 1);
        var biases = parameters.Parts().Where(static part => part.Name.EndsWith("classifier.bias", StringComparison.Ordinal)).ToList();
        Assert.Equal(heads, biases.Count);
        foreach (var (_, value, _, _) in biases)
        {
            float[] values = new float[value.Shape.Count];
            device.Download(value.Address, MemoryMarshal.AsBytes(values.AsSpan()));
            Assert.All(values, bias => Assert.Equal(prior, 1 / (1 + Math.Exp(-bias)), 1e-6));
        }
    }
}
