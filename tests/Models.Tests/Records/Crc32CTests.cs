using System.Text;
using VideoSim.Models.Records;
using Xunit;

namespace VideoSim.Models.Tests.Records;

public class Crc32CTests
{
    // "123456789" is the check value of CRC catalogues; the others are RFC 3720, appendix B.4.
    [Fact]
    public void Compute_PublishedVectors_Agree()
    {
        Assert.Equal(0xE3069283u, Crc32C.Compute(Encoding.ASCII.GetBytes("123456789")));
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Compute(Enumerable.Repeat((byte)0xff, 32).ToArray()));
        Assert.Equal(0x46DD794Eu, Crc32C.Compute(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray()));
        Assert.Equal(0u, Crc32C.Compute([]));
    }

    [Theory]
    [InlineData(3071)]
    [InlineData(3072)]
    [InlineData(3073)]
    [InlineData(3 * 3072 + 1029)]
    public void Compute_AroundTheLanes_AgreesWithBitwise(int length)
    {
        byte[] data = new byte[length];
        new Random(length).NextBytes(data);
        Assert.Equal(Bitwise(data), Crc32C.Compute(data));
        Assert.Equal(Bitwise(data.AsSpan(1)), Crc32C.Compute(data.AsSpan(1)));
    }

    private static uint Bitwise(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++)
                crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78u);
        }

        return ~crc;
    }
}
