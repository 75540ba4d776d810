using VideoSim.Models.Records;
using Xunit;

namespace VideoSim.Models.Tests.Records;

public class TfRecordWriterTests
{
    // Every TensorBoard event file begins with a record of 24 bytes, so these 12 bytes are widely known.
    private static readonly byte[] KnownHeaderOf24Bytes = [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22];

    [Fact]
    public void Write_TwoRecords_FramesEachWithBothMaskedChecksums()
    {
        byte[] payload = Enumerable.Range(0, 24).Select(i => (byte)i).ToArray();
        var stream = new MemoryStream();
        using (var writer = new TfRecordWriter(stream))
        {
            writer.Write(payload);
            Assert.Equal(40, writer.Length);
            writer.Write([]);
            Assert.Equal(56, writer.Length);
        }

        byte[] bytes = stream.ToArray();
        Assert.Equal(KnownHeaderOf24Bytes, bytes[..12]);
        Assert.Equal(payload, bytes[12..36]);
        Assert.Equal(Crc32C.ComputeMasked(payload), BitConverter.ToUInt32(bytes, 36));
        Assert.Equal(0ul, BitConverter.ToUInt64(bytes, 40));
        Assert.Equal(0xa282ead8u, BitConverter.ToUInt32(bytes, 52)); // masked CRC of nothing: the constant alone
    }

    // The npm library @roboflow/tfrecords 1.0.4 frames these bytes so.
    [Fact]
    public void Write_PayloadFramedByAnotherWriter_IsFramedAlike()
    {
        byte[] payload = Convert.FromBase64String(ExampleParserTests.FromGoogleProtobuf);
        byte[] bytes = TestRecords.File(payload);
        Assert.Equal("CC00000000000000F66C5A75", Convert.ToHexString(bytes.AsSpan(0, 12)));
        Assert.Equal("69DCE954", Convert.ToHexString(bytes.AsSpan(bytes.Length - 4)));
    }
}
