using System.Buffers.Binary;

namespace VideoSim.Models.Records;

/// <summary>The encoding of a protobuf field's content (the low three bits of its tag).</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    LengthDelimited = 2,
    Fixed32 = 5,
}

/// <summary>
/// Reads protobuf wire format from a span. It never throws: a Try method returns false if the bytes are malformed.
/// That includes the obsolete groups, and any length that exceeds the span.
/// </summary>
internal ref struct WireReader(ReadOnlySpan<byte> data)
{
    private const int MaxVarintBytes = 10;

    private ReadOnlySpan<byte> _rest = data;

    public readonly bool AtEnd => _rest.IsEmpty;

    public bool TryReadVarint(out ulong value)
    {
        value = 0;
        for (int i = 0; i < _rest.Length && i < MaxVarintBytes; i++)
        {
            byte b = _rest[i];
            if (i == MaxVarintBytes - 1 && b > 1)
            {
                return false; // more than 64 bits
            }

            value |= (ulong)(b & 0x7f) << (7 * i);
            if (b < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return true;
            }
        }

        return false;
    }

    public bool TryReadTag(out uint field, out WireType type)
    {
        bool read = TryReadVarint(out ulong tag);
        field = (uint)(tag >> 3);
        type = (WireType)(tag & 7);
        return read && tag <= uint.MaxValue && field != 0;
    }

    public bool TryReadBytes(out ReadOnlySpan<byte> value)
    {
        if (!TryReadVarint(out ulong length) || length > (ulong)_rest.Length)
        {
            value = default;
            return false;
        }

        value = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return true;
    }

    public bool TryReadFixed32(out uint value)
    {
        if (!BinaryPrimitives.TryReadUInt32LittleEndian(_rest, out value))
            return false;

        _rest = _rest[sizeof(uint)..];
        return true;
    }

    /// <summary>Skips the content of a field whose tag was read.</summary>
    public bool TrySkip(WireType type)
    {
        switch (type)
        {
            case WireType.Varint:
                return TryReadVarint(out _);
            case WireType.LengthDelimited:
                return TryReadBytes(out _);
            case WireType.Fixed32:
                return TryReadFixed32(out _);
            case WireType.Fixed64:
                return TryReadFixed32(out _) && TryReadFixed32(out _);
            default:
                return false;
        }
    }
}
