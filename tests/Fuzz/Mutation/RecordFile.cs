using System.Buffers.Binary;
using System.Numerics;

namespace VideoSim.Fuzz.Mutation;

/// <summary>The framing of TFRecord files, written with right checksums.</summary>
internal static class RecordFile
{
    private const int HeaderBytes = 12, FooterBytes = 4;

    /// <summary>A file with these payloads.</summary>
    public static byte[] Of(IEnumerable<byte[]> payloads)
    {
        using var all = new MemoryStream();
        byte[] number = new byte[sizeof(ulong)];
        foreach (byte[] payload in payloads)
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, payload.Length);
            all.Write(number);
            all.Write(Checksum(number));
            all.Write(payload);
            all.Write(Checksum(payload));
        }
        return all.ToArray();
    }

    /// <summary>The payloads of a file, up to the first record that is cut. Checksums are not compared.</summary>
    public static List<byte[]> PayloadsOf(byte[] file)
    {
        var payloads = new List<byte[]>();
        for (int at = 0; at + HeaderBytes + FooterBytes <= file.Length;)
        {
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            if (length > (ulong)(file.Length - at - HeaderBytes - FooterBytes))
                break;
            payloads.Add(file[(at + HeaderBytes)..(at + HeaderBytes + (int)length)]);
            at += HeaderBytes + (int)length + FooterBytes;
        }
        return payloads;
    }

    private static byte[] Checksum(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte one in data)
            crc = BitOperations.Crc32C(crc, one);
        byte[] bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, BitOperations.RotateRight(~crc, 15) + 0xa282ead8);
        return bytes;
    }
}
