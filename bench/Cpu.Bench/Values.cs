using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;

namespace VideoSim.Cpu.Bench;

/// <summary>Values of operands.</summary>
internal static class Values
{
    /// <summary>
    /// Fills a tensor with values between -1 and 1. None is 0: with a gradient of 0 Adam's moments would become
    /// denormal.
    /// </summary>
    public static void Fill(CpuDevice device, in Tensor tensor)
    {
        float[] values = new float[tensor.Shape.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = (i % 61 - 29.5f) / 32;
        device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), tensor.Address);
    }
}
