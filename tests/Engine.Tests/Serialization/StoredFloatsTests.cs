using System.Runtime.InteropServices;
using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

/// <summary>Conversions of stored numbers that are done several at a time.</summary>
public sealed class StoredFloatsTests
{
    [Fact]
    public void ToFloats_EveryHalf_IsExact()
    {
        ushort[] halves = [.. Enumerable.Range(0, 1 << 16).Select(static bits => (ushort)bits), 0x3c00, 0x8001, 0x0001]; // three beyond a whole vector
        float[] floats = new float[halves.Length];
        SafetensorsType.F16.ToFloats(MemoryMarshal.AsBytes(halves.AsSpan()), floats);
        for (int i = 0; i < halves.Length; i++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf(halves[i]);
            Assert.True(float.IsNaN(expected) ? float.IsNaN(floats[i]) : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(floats[i]), $"{halves[i]:x4} became {floats[i]}");
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void AllFinite_OneValueThatIsNot_IsFoundAtEveryPlace(float value)
    {
        float[] values = [.. Enumerable.Repeat(float.MaxValue, 19)];
        Assert.True(StoredFloats.AllFinite(values));
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = value;
            Assert.False(StoredFloats.AllFinite(values));
            values[i] = float.MinValue;
        }
        Assert.True(StoredFloats.AllFinite([]));
    }
}
