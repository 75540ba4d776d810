using System.Buffers.Binary;
using System.Text;
using VideoSim.Engine;

namespace VideoSim.Models.Pretrained.Torch;

/// <summary>Reads the bytes of a pickle in order, never beyond a given end.</summary>
/// <param name="file">The file.</param>
/// <param name="position">Position of the pickle in the file.</param>
/// <param name="end">End of the bytes that may be read.</param>
internal sealed class PickleInput(FileBytes file, long position, long end)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[1 << 12];
    private int _next, _filled;

    /// <summary>Position of the next byte in the file.</summary>
    public long Position => position - _filled + _next;

    /// <summary>The next byte.</summary>
    public byte Byte()
    {
        if (_next == _filled)
        {
            if (position >= end)
                throw Ended();
            _filled = (int)Math.Min(_buffer.Length, end - position);
            file.Read(position, _buffer.AsSpan(0, _filled), "a pickle");
            position += _filled;
            _next = 0;
        }
        return _buffer[_next++];
    }

    /// <summary>The next <paramref name="count"/> bytes. The length is checked before memory is allocated.</summary>
    public byte[] Bytes(long count)
    {
        if (count < 0 || count > end - Position)
            throw Wrong($"needs {count} bytes, but {end - Position} are left: truncated?");
        byte[] bytes = new byte[count];
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = Byte();
        return bytes;
    }

    /// <summary>An unsigned 16-bit number.</summary>
    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2));

    /// <summary>A signed 32-bit number.</summary>
    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Bytes(4));

    /// <summary>An unsigned 32-bit number.</summary>
    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4));

    /// <summary>A signed 64-bit number.</summary>
    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

    /// <summary>A big-endian double.</summary>
    public double Double() => BinaryPrimitives.ReadDoubleBigEndian(Bytes(8));

    /// <summary>A text of <paramref name="count"/> bytes of UTF-8.</summary>
    public string Text(long count)
    {
        try
        {
            return StrictUtf8.GetString(Bytes(count));
        }
        catch (DecoderFallbackException failure)
        {
            throw new DataException($"{file.Path}: the pickle's text before byte {Position} is not UTF-8", failure);
        }
    }

    /// <summary>A text up to the next line feed.</summary>
    public string Line()
    {
        const int longest = 1000;
        var line = new StringBuilder();
        for (byte next = Byte(); next != '\n'; next = Byte())
        {
            if (line.Length == longest)
                throw Wrong($"has a line of more than {longest} bytes");
            line.Append((char)next);
        }
        return line.ToString();
    }

    /// <summary>The exception for an error at the current position.</summary>
    public DataException Wrong(string complaint) => new($"{file.Path}: the pickle at byte {Position} {complaint}");

    private DataException Ended() => new($"{file.Path}: the pickle ends at byte {Position} before it is complete: truncated?");
}
