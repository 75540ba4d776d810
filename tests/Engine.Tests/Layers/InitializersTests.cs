using System.Runtime.InteropServices;
using System.Security.Cryptography;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Tensors;
using Xunit;

namespace VideoSim.Engine.Tests.Layers;

public sealed class InitializersTests
{
    private static readonly Shape Whole = new(384, 512); // more than one run of the store's threads

    [Theory]
    [InlineData("TruncatedNormal", "b558b7c74423ef62")]
    [InlineData("GlorotUniform", "90e648d05c344772")]
    [InlineData("HeNormal", "d461035f35a5d517")]
    [InlineData("GlorotNormal", "ce3bcc9ca30caebd")]
    public void EachInitializer_OneSeed_GivesTheBitsItAlwaysGave(string name, string sha256)
    {
        var initializer = name switch
        {
            "TruncatedNormal" => Initializers.TruncatedNormal(0.02),
            "GlorotUniform" => Initializers.GlorotUniform,
            "HeNormal" => Initializers.HeNormal,
            _ => Initializers.GlorotNormal,
        };
        Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(Draw(initializer).AsSpan())))[..16]);
    }

    private static float[] Draw(Initializer initializer)
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        store.Add(0, "weight", Whole, initializer);
        store.Allocate(device, training: false);
        store.Initialize(seed: 42);
        float[] values = new float[Whole.Count];
        device.Download(store.Weights.Address, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
