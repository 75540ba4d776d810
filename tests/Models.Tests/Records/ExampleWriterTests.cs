using System.Text;
using VideoSim.Models.Records;
using Xunit;

namespace VideoSim.Models.Tests.Records;

public class ExampleWriterTests
{
    [Fact]
    public void Payload_OneOfEachFeature_IsTheProtobufEncoding()
    {
        var writer = new ExampleWriter();
        writer.AddBytes("id"u8, "7"u8);
        writer.AddInt64("tag"u8, [1, 300]);
        writer.AddInt64("no"u8, []);

        // Example.features { feature { key "id" value { bytes_list { value "7" } } } ... }
        byte[] expected =
        [
            0x0a, 36,
            0x0a, 11, 0x0a, 2, (byte)'i', (byte)'d', 0x12, 5, 0x0a, 3, 0x0a, 1, (byte)'7',
            0x0a, 14, 0x0a, 3, (byte)'t', (byte)'a', (byte)'g', 0x12, 7, 0x1a, 5, 0x0a, 3, 0x01, 0xac, 0x02,
            0x0a, 8, 0x0a, 2, (byte)'n', (byte)'o', 0x12, 2, 0x1a, 0,
        ];
        expected[1] = (byte)(expected.Length - 2);
        Assert.Equal(expected, writer.Payload);
    }

    [Fact]
    public void AddEntries_BytesThatDoNotDivide_Throws() =>
        Assert.Throws<ArgumentException>(() => new ExampleWriter().AddEntries("x"u8, new byte[7], 3));

    [Fact]
    public void WriteVideo_Twice_GivesTheSameBytes()
    {
        var writer = new ExampleWriter();
        var frames = Enumerable.Range(0, 4 * 1000).Select(i => (Half)(i * 0.5f)).ToArray();
        byte[] Write() => writer.WriteVideo("12"u8, Encoding.UTF8.GetBytes("标题"), "nan"u8, frames, 1000, [5, 6], 10101).ToArray();
        Assert.Equal(Write(), Write());
    }
}
