using System.Buffers.Binary;

namespace VideoSim.Fuzz.Mutation;

/// <summary>
/// A message of protocol buffers as fields, and those with messages as messages. It is read and written here without
/// the code of the program: for changes that keep all lengths right, and to compare with.
/// </summary>
internal sealed class ProtoTree
{
    private const int LongestVarint = 10;

    /// <summary>A field: its number, its wire type, and its value as a number, bytes or a message.</summary>
    internal sealed record Field(uint Number, int Type, ulong Value, byte[] Bytes, ProtoTree? Message);

    /// <summary>The fields in their order.</summary>
    public List<Field> Fields { get; } = [];

    /// <summary>Reads a message; null if it is malformed.</summary>
    /// <param name="bytes">The message.</param>
    /// <param name="isMessage">Whether the field of a number at a depth is a message; depth 0 is this one.</param>
    /// <param name="depth">Depth of this message.</param>
    public static ProtoTree? Read(ReadOnlySpan<byte> bytes, Func<int, uint, bool> isMessage, int depth = 0)
    {
        var tree = new ProtoTree();
        while (!bytes.IsEmpty)
        {
            if (!TakeVarint(ref bytes, out ulong tag) || tag > uint.MaxValue || tag >> 3 == 0)
                return null;
            var (number, type) = ((uint)(tag >> 3), (int)(tag & 7));
            ulong value = 0;
            byte[] content = [];
            switch (type)
            {
                case 0 when TakeVarint(ref bytes, out value):
                    break;
                case 1 when bytes.Length >= 8:
                    value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
                    bytes = bytes[8..];
                    break;
                case 2 when TakeVarint(ref bytes, out ulong length) && length <= (ulong)bytes.Length:
                    content = bytes[..(int)length].ToArray();
                    bytes = bytes[(int)length..];
                    break;
                case 5 when bytes.Length >= 4:
                    value = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
                    bytes = bytes[4..];
                    break;
                default:
                    return null;
            }
            var message = type == 2 && isMessage(depth, number) ? Read(content, isMessage, depth + 1) : null;
            if (message is null && type == 2 && isMessage(depth, number))
                return null;
            tree.Fields.Add(new Field(number, type, value, content, message));
        }
        return tree;
    }

    /// <summary>The message as bytes.</summary>
    public byte[] ToBytes()
    {
        using var all = new MemoryStream();
        foreach (var field in Fields)
        {
            PutVarint(all, (ulong)field.Number << 3 | (uint)field.Type);
            byte[] eight = new byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(eight, field.Value);
            switch (field.Type)
            {
                case 0:
                    PutVarint(all, field.Value);
                    break;
                case 1 or 5:
                    all.Write(eight.AsSpan(0, field.Type == 1 ? 8 : 4));
                    break;
                default:
                    byte[] content = field.Message?.ToBytes() ?? field.Bytes;
                    PutVarint(all, (ulong)content.Length);
                    all.Write(content);
                    break;
            }
        }
        return all.ToArray();
    }

    /// <summary>Changes one field somewhere in the message. All lengths around it stay right.</summary>
    public void Change(Mutator mutator)
    {
        if (Fields.Count == 0)
        {
            Fields.Add(Any(mutator));
            return;
        }
        int at = mutator.Random.Next(Fields.Count);
        var field = Fields[at];
        if (field.Message is { } inner && !mutator.OneIn(4))
        {
            inner.Change(mutator);
            return;
        }
        switch (mutator.Random.Next(8))
        {
            case 0:
                Fields.RemoveAt(at);
                break;
            case 1:
                Fields.Insert(mutator.Random.Next(Fields.Count + 1), field);
                break;
            case 2:
                int other = mutator.Random.Next(Fields.Count);
                (Fields[at], Fields[other]) = (Fields[other], field);
                break;
            case 3:
                Fields[at] = field with { Number = (uint)mutator.Random.Next(1, 6) };
                break;
            case 4:
                Fields.Insert(at, Any(mutator));
                break;
            case 5:
                Fields[at] = field with { Value = (ulong)mutator.Integer() };
                break;
            default:
                byte[] content = field.Message?.ToBytes() ?? field.Bytes;
                Fields[at] = field with { Message = null, Bytes = content.Length == 0 ? mutator.Text() : mutator.Bytes(content) };
                break;
        }
    }

    /// <summary>A packed list of numbers; null if it is malformed.</summary>
    public static List<ulong>? Varints(ReadOnlySpan<byte> bytes)
    {
        var all = new List<ulong>();
        while (!bytes.IsEmpty)
        {
            if (!TakeVarint(ref bytes, out ulong value))
                return null;
            all.Add(value);
        }
        return all;
    }

    private static Field Any(Mutator mutator) =>
        new((uint)mutator.Random.Next(1, mutator.OneIn(4) ? int.MaxValue : 5), mutator.Pick([0, 1, 2, 5, 2, 0, 3, 6]), (ulong)mutator.Integer(), mutator.Text(), null);

    private static bool TakeVarint(ref ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        for (int i = 0; i < Math.Min(LongestVarint, bytes.Length); i++)
        {
            if (i == LongestVarint - 1 && bytes[i] > 1)
                return false;
            value |= (ulong)(bytes[i] & 0x7f) << (7 * i);
            if (bytes[i] >= 0x80)
                continue;
            bytes = bytes[(i + 1)..];
            return true;
        }
        return false;
    }

    private static void PutVarint(MemoryStream stream, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            stream.WriteByte((byte)(value | 0x80));
        stream.WriteByte((byte)value);
    }
}
