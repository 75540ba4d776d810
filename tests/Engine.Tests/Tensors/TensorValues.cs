using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Tests.Tensors;

/// <summary>Values of tensors in both precisions, on any device.</summary>
internal static class TensorValues
{
    /// <summary>Fills a tensor with uniform numbers of [<paramref name="low"/>, <paramref name="high"/>]: the same in either type, as all of them are bf16 numbers.</summary>
    public static void Fill(Device device, Tensor tensor, uint site, float low, float high)
    {
        float[] values = [.. Enumerable.Range(0, (int)tensor.Shape.Count).Select(i => new BFloat16(low + (high - low) * (float)Philox.Uniform(6, 0, site, i)).ToSingle())];
        device.Upload(Encode(values, tensor.Type), tensor.Address);
    }

    /// <summary>What a tensor holds.</summary>
    public static float[] Read(Device device, Tensor tensor) => Read(device, tensor.Type, tensor.Address, tensor.Shape.Count);

    /// <summary>What memory holds.</summary>
    public static float[] Read(Device device, ElementType precision, nint address, long count)
    {
        byte[] bytes = new byte[precision.Size() * count];
        device.Download(address, bytes);
        return precision == ElementType.Float32 ? MemoryMarshal.Cast<byte, float>(bytes).ToArray()
            : Array.ConvertAll(MemoryMarshal.Cast<byte, BFloat16>(bytes).ToArray(), static x => x.ToSingle());
    }

    /// <summary>Takes memory for values.</summary>
    public static nint Upload(Device device, ElementType precision, float[] values)
    {
        nint address = device.Allocate((long)precision.Size() * values.Length);
        device.Upload(Encode(values, precision), address);
        return address;
    }

    private static ReadOnlySpan<byte> Encode(float[] values, ElementType precision) => precision == ElementType.Float32
        ? MemoryMarshal.AsBytes<float>(values) : MemoryMarshal.AsBytes<BFloat16>(Array.ConvertAll(values, static x => new BFloat16(x)));
}
