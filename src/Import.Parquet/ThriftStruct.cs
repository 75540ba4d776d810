using System.Text;

namespace VideoSim.Import.Parquet;

/// <summary>The values of a struct, by the numbers of its fields.</summary>
internal sealed class ThriftStruct(ThriftShape shape)
{
    private readonly Dictionary<int, object> _values = [];

    /// <summary>Number of a field that must be there.</summary>
    /// <exception cref="InvalidDataException">It is missing.</exception>
    public long Number(int field) => FindNumber(field) ?? throw Missing(field);

    /// <summary>Number of a field; null if it is missing.</summary>
    public long? FindNumber(int field) => _values.GetValueOrDefault(field) as long?;

    /// <summary>Text of a field that must be there. Bytes that are not UTF-8 are replaced.</summary>
    /// <exception cref="InvalidDataException">It is missing.</exception>
    public string Text(int field) => FindText(field) ?? throw Missing(field);

    /// <summary>Text of a field; null if it is missing.</summary>
    public string? FindText(int field) => _values.GetValueOrDefault(field) is byte[] bytes ? Encoding.UTF8.GetString(bytes) : null;

    /// <summary>Struct of a field; null if it is missing.</summary>
    public ThriftStruct? Find(int field) => _values.GetValueOrDefault(field) as ThriftStruct;

    /// <summary>Items of a list that must be there.</summary>
    /// <exception cref="InvalidDataException">It is missing.</exception>
    public IReadOnlyList<object> List(int field) => _values.GetValueOrDefault(field) as IReadOnlyList<object> ?? throw Missing(field);

    /// <summary>Adds a value: a number, bytes, a struct or a list.</summary>
    internal void Add(int field, object value) => _values.Add(field, value);

    private InvalidDataException Missing(int field) => new($"its {shape.Name} lacks field {field}");
}

/// <summary>
/// Reads a struct in Thrift's compact protocol and checks all of it: lengths, types of fields, and that no field is
/// there twice. Memory is bounded by the bytes.
/// </summary>
/// <remarks>
/// Parquet.Net has a reader of its own, which reads for ever at the end of the bytes. It takes the sizes of lists and
/// the types of fields as they come, and cannot skip an unknown field that is a struct. Bytes that were read here do
/// not lead it there.
/// </remarks>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes)
{
    private const int LongestVarint = 10;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Number of the bytes that were read.</summary>
    public int Position { get; private set; }

    /// <summary>Reads a struct.</summary>
    /// <param name="shape">Its fields. Other fields are skipped.</param>
    /// <returns>Its values; null if they are not needed.</returns>
    /// <exception cref="EndOfStreamException">The bytes end inside it.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public ThriftStruct? Read(ThriftShape shape)
    {
        var values = shape.IsKept ? new ThriftStruct(shape) : null;
        ulong seen = 0; // no known field has a higher number
        int id = 0;
        while (Byte() is var head && head != (byte)ThriftType.Stop)
        {
            id = head >> 4 is var delta and > 0 ? id + delta : (int)Integer(short.MinValue, short.MaxValue);
            var type = (ThriftType)(head & 0xf);
            if (id is <= 0 or > short.MaxValue || (id < 64 && (seen >> id & 1) != 0))
                throw new InvalidDataException($"its {shape.Name} has the field {id}{(id > 0 ? " twice" : "")}");
            seen |= id < 64 ? 1ul << id : 0;
            if (!shape.Fields.TryGetValue(id, out var field))
            {
                Skip(shape, id, type);
                continue;
            }
            // Both values of a Boolean are types.
            if ((type == ThriftType.False ? ThriftType.True : type) != field.Type)
                throw new InvalidDataException($"field {id} of its {shape.Name} has the type {(byte)type}");
            object? value = type switch
            {
                ThriftType.True => 1L,
                ThriftType.False => 0L,
                ThriftType.List => Items(shape, id, field, isKept: values is not null),
                _ => Value(type, field.Shape),
            };
            if (value is not null)
                values?.Add(id, value);
        }
        return values;
    }

    private List<object>? Items(ThriftShape shape, int id, ThriftField field, bool isKept)
    {
        var (type, count) = ListHeader(shape, id);
        // An empty list may have any type.
        if (count > 0 && type != field.Item)
            throw new InvalidDataException($"field {id} of its {shape.Name} is a list of the type {(byte)type}");
        isKept &= field.Shape?.IsKept ?? true;
        List<object>? items = isKept ? [] : null;
        for (int i = 0; i < count; i++)
        {
            object? item = Value(type, field.Shape);
            if (item is not null)
                items?.Add(item);
        }
        return items;
    }

    private object? Value(ThriftType type, ThriftShape? shape) => type switch
    {
        ThriftType.Byte => (long)(sbyte)Byte(),
        ThriftType.I16 => Integer(short.MinValue, short.MaxValue),
        ThriftType.I32 => Integer(int.MinValue, int.MaxValue),
        ThriftType.I64 => Integer(long.MinValue, long.MaxValue),
        ThriftType.Double => Take(sizeof(double)).ToArray(),
        ThriftType.Binary => Take(Length()).ToArray(),
        _ => Read(shape!),
    };

    // What the library can skip: a number, bytes, or a list of such.
    private void Skip(ThriftShape shape, int id, ThriftType type)
    {
        if (type is ThriftType.True or ThriftType.False)
            return;
        int count = 1;
        if (type == ThriftType.List)
            (type, count) = ListHeader(shape, id);
        if (type is < ThriftType.Byte or > ThriftType.Binary)
            throw new InvalidDataException($"its {shape.Name} has the unknown field {id} of the type {(byte)type}");
        for (int i = 0; i < count; i++)
            Value(type, null);
    }

    // Each item takes at least one byte.
    private (ThriftType Type, int Count) ListHeader(ThriftShape shape, int id)
    {
        byte head = Byte();
        int count = head >> 4 is var small and < 15 ? small : Length();
        return count <= _bytes.Length - Position ? ((ThriftType)(head & 0xf), count)
            : throw new EndOfStreamException($"field {id} of its {shape.Name} has {count} items, more than the bytes that are left");
    }

    private int Length() => Varint() is var length && length <= int.MaxValue ? (int)length : throw new InvalidDataException("its metadata have a length of more than 31 bits");

    private byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - Position)
            throw new EndOfStreamException("its metadata end too early");
        Position += count;
        return _bytes.Slice(Position - count, count);
    }

    private long Integer(long low, long high) => Zigzag(Varint()) is var number && number >= low && number <= high ? number
        : throw new InvalidDataException("its metadata have a number that does not fit");

    private static long Zigzag(ulong number) => (long)(number >> 1) ^ -(long)(number & 1);

    private ulong Varint()
    {
        ulong value = 0;
        for (int i = 0; i < LongestVarint; i++)
        {
            byte next = Byte();
            value |= (ulong)(next & 0x7f) << (7 * i);
            if (next < 0x80 && !(i == LongestVarint - 1 && next > 1))
                return value;
        }
        throw new InvalidDataException("its metadata have a number of more than 64 bits");
    }
}
