using System.Runtime.InteropServices;
using System.Text;

namespace VideoSim.Tests.Shared;

/// <summary>Bytes of <c>.npy</c> files, well-formed or not.</summary>
internal static class NumpyFile
{
    /// <summary>A matrix of frames.</summary>
    internal static byte[] Of(int frames, int width, string type = "<f4")
    {
        float[] values = [.. Enumerable.Range(0, frames * width).Select(static i => (i * 7 % 31 - 15) / 8f)];
        return Of(type, "False", $"({frames}, {width})", values);
    }

    /// <summary>A file with this header. Values are float16 if the type ends with 2, else float32.</summary>
    internal static byte[] Of(string type, string order, string shape, ReadOnlySpan<float> values, int format = 1)
    {
        string text = $"{{'descr': '{type}', 'fortran_order': {order}, 'shape': {shape}, }}";
        int prefix = format == 1 ? 10 : 12;
        text = text.PadRight((prefix + text.Length + 64) / 64 * 64 - prefix - 1) + "\n";
        byte[] length = BitConverter.GetBytes(text.Length);
        byte[] data = type.EndsWith('2') ? [.. MemoryMarshal.AsBytes<Half>(values.ToArray().Select(static value => (Half)value).ToArray())] : [.. MemoryMarshal.AsBytes(values)];
        return [0x93, .. "NUMPY"u8, (byte)format, 0, .. format == 1 ? length[..2] : length, .. Encoding.Latin1.GetBytes(text), .. data];
    }
}
