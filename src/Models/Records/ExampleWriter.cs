using System.Numerics;
using System.Runtime.InteropServices;

namespace VideoSim.Models.Records;

/// <summary>
/// Builds the bytes of a <c>tf.train.Example</c> (protobuf wire format) in one reused buffer. Call
/// <see cref="Clear"/>, add features and read <see cref="Payload"/>. <see cref="WriteVideo"/> does all of it for one
/// video.
/// </summary>
public sealed class ExampleWriter
{
    // Field numbers and wire types: every message, map entry, key and list here is field 1, 2 or 3, length-delimited
    // (2).
    private const byte Field1 = (1 << 3) | 2;
    private const byte Field2 = (2 << 3) | 2;
    private const byte Field3 = (3 << 3) | 2;

    // The outermost message is one field, `features`. Its length is known last, so room for its tag and length is
    // reserved before the body and filled from the right.
    private const int PrefixBytes = 6;

    private byte[] _buffer = new byte[1024];
    private int _end = PrefixBytes;

    /// <summary>The finished Example; valid until the writer is used again.</summary>
    public ReadOnlySpan<byte> Payload
    {
        get
        {
            int bodyBytes = _end - PrefixBytes;
            int start = PrefixBytes - 1 - VarintBytes((ulong)bodyBytes);
            _buffer[start] = Field1;
            WriteVarint(_buffer.AsSpan(start + 1), (ulong)bodyBytes);
            return _buffer.AsSpan(start, _end - start);
        }
    }

    /// <summary>Starts a new, empty Example.</summary>
    public void Clear() => _end = PrefixBytes;

    /// <summary>Writes one video as the challenge's files hold it (docs/reference-system.md, section 1.2).</summary>
    /// <param name="id">Video id, UTF-8.</param>
    /// <param name="title">Title, UTF-8.</param>
    /// <param name="asrText">Speech transcript, UTF-8; the text <c>nan</c> if there is none.</param>
    /// <param name="frames">All frames one after the other, [n, frameWidth].</param>
    /// <param name="frameWidth">Values per frame.</param>
    /// <param name="tagIds">Tag ids, possibly none.</param>
    /// <param name="categoryId">Category, or null to leave the feature out.</param>
    /// <returns>The payload; valid until the writer is used again.</returns>
    public ReadOnlySpan<byte> WriteVideo(
        ReadOnlySpan<byte> id, ReadOnlySpan<byte> title, ReadOnlySpan<byte> asrText,
        ReadOnlySpan<Half> frames, int frameWidth, ReadOnlySpan<long> tagIds, long? categoryId)
    {
        Clear();
        AddBytes(FeatureNames.Id, id);
        AddBytes(FeatureNames.Title, title);
        AddBytes(FeatureNames.AsrText, asrText);
        AddEntries(FeatureNames.Frames, MemoryMarshal.AsBytes(frames), frameWidth * sizeof(ushort));
        AddInt64(FeatureNames.TagIds, tagIds);
        if (categoryId is { } category)
            AddInt64(FeatureNames.CategoryId, [category]);

        return Payload;
    }

    /// <summary>Adds a bytes feature of one entry.</summary>
    public void AddBytes(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        BeginFeature(name, Field1, FieldBytes(value.Length));
        PutBytes(Field1, value);
    }

    /// <summary>
    /// Adds a bytes feature whose entries are consecutive pieces of <paramref name="entryBytes"/> bytes.
    /// </summary>
    /// <exception cref="ArgumentException">The values do not divide into such pieces.</exception>
    public void AddEntries(ReadOnlySpan<byte> name, ReadOnlySpan<byte> values, int entryBytes)
    {
        if (values.Length % entryBytes != 0)
            throw new ArgumentException($"{values.Length} bytes are not a whole number of entries of {entryBytes} bytes");

        BeginFeature(name, Field1, values.Length / entryBytes * FieldBytes(entryBytes));
        for (; !values.IsEmpty; values = values[entryBytes..])
            PutBytes(Field1, values[..entryBytes]);
    }

    /// <summary>Adds an int64 feature (packed, as TensorFlow writes it).</summary>
    public void AddInt64(ReadOnlySpan<byte> name, ReadOnlySpan<long> values)
    {
        int packedBytes = 0;
        foreach (long value in values)
            packedBytes += VarintBytes((ulong)value);

        BeginFeature(name, Field3, values.IsEmpty ? 0 : FieldBytes(packedBytes));
        if (!values.IsEmpty)
        {
            PutLength(Field1, packedBytes);
            foreach (long value in values)
                PutVarint((ulong)value);
        }
    }

    // Features.feature entry { key, value: Feature { list } }, up to the bytes of the list.
    private void BeginFeature(ReadOnlySpan<byte> name, byte listField, int listBytes)
    {
        int featureBytes = FieldBytes(listBytes);
        PutLength(Field1, FieldBytes(name.Length) + FieldBytes(featureBytes));
        PutBytes(Field1, name);
        PutLength(Field2, featureBytes);
        PutLength(listField, listBytes);
    }

    private void PutBytes(byte field, ReadOnlySpan<byte> value)
    {
        PutLength(field, value.Length);
        value.CopyTo(Reserve(value.Length));
    }

    private void PutLength(byte field, int length)
    {
        Reserve(1)[0] = field;
        PutVarint((ulong)length);
    }

    private void PutVarint(ulong value) => WriteVarint(Reserve(VarintBytes(value)), value);

    private Span<byte> Reserve(int count)
    {
        if (_buffer.Length - _end < count)
            Array.Resize(ref _buffer, (int)BitOperations.RoundUpToPowerOf2((uint)(_end + count)));

        var span = _buffer.AsSpan(_end, count);
        _end += count;
        return span;
    }

    // A length-delimited field with one byte of tag: tag, length, content.
    private static int FieldBytes(int contentBytes) => 1 + VarintBytes((ulong)contentBytes) + contentBytes;

    private static int VarintBytes(ulong value) => (BitOperations.Log2(value | 1) / 7) + 1;

    private static void WriteVarint(Span<byte> target, ulong value)
    {
        int i = 0;
        for (; value >= 0x80; value >>= 7)
            target[i++] = (byte)(value | 0x80);

        target[i] = (byte)value;
    }
}
