using System.Collections;
using System.Runtime.CompilerServices;
using VideoSim.Engine;
using VideoSim.Models.Search;

namespace VideoSim.Search.USearch;

/// <summary>
/// The form of graph.usearch, a file of USearch 2.26 with a part behind it that the library does not read:
/// <code>
/// vectors    nodes (u32), bytes of a vector (u32), the vectors
/// head       64 bytes: "usearch", version, types, number of nodes, values of a vector
/// graph      nodes, connectivity, connectivity of level 0, highest level, entry (u64 each)
/// levels     the highest level of each node (i16)
/// nodes      for each node: its row (u64), its level (i16), and for each level from 0 the number of its neighbors
///            (u32) with room for as many as the connectivity allows (u32 each)
/// others     for each row that is not the first of its node: its number, and that of the first (u32 each)
/// </code>
/// The library follows a graph without checking it. A neighbor that is no node would lead it outside of the memory,
/// so everything that it follows is checked before.
/// </summary>
internal static unsafe class GraphFormat
{
    private const int HeadBytes = 64, GraphBytes = 5 * sizeof(ulong), PrefixBytes = 2 * sizeof(uint);

    private const int NodeHeadBytes = sizeof(ulong) + sizeof(short), OtherBytes = 2 * sizeof(uint);

    // Where the version is in the head, and what follows it.
    private const int MajorAt = 7, MinorAt = 9, TypesAt = 13, RowsAt = 17, WidthAt = 33;

    private const int Major = 2, LeastMinor = 26;

    // Cosines of bf16, keys of 64 bits, numbers of rows of 32 bits.
    private static ReadOnlySpan<byte> Types => [(byte)'c', 4, 14, 15];

    /// <summary>Refuses bytes that are not a graph.</summary>
    /// <param name="file">The bytes.</param>
    /// <param name="parameters">How it was built.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="width">Values of a vector.</param>
    /// <returns>The other rows of each node that has some, by its first row.</returns>
    /// <exception cref="DataException">They are not; the message names the file.</exception>
    public static IReadOnlyDictionary<int, int[]> Require(FileMemory file, GraphParameters parameters, int rows, int width)
    {
        uint count = file.Length >= PrefixBytes ? Read<uint>(file.Start) : 0;
        if (count == 0 || count > rows || Read<uint>(file.Start + sizeof(uint)) != width * sizeof(ushort))
            throw Wrong("its vectors are others");
        long headAt = PrefixBytes + ((long)count * width * sizeof(ushort)), nodesAt = headAt + HeadBytes + GraphBytes + ((long)count * sizeof(short));
        if (nodesAt > file.Length)
            throw Wrong("it is too short");
        byte* head = file.Start + headAt, graph = head + HeadBytes, levels = graph + GraphBytes, node = file.Start + nodesAt;
        if (!IsHead(new ReadOnlySpan<byte>(head, HeadBytes), count, width))
            throw Wrong("its head is of another version of the library, or of another graph");
        var sizes = new ReadOnlySpan<ulong>(graph, GraphBytes / sizeof(ulong));
        ulong connectivity = (ulong)parameters.Connectivity, highest = sizes[3], entry = sizes[4];
        if (sizes[0] != count || sizes[1] != connectivity || sizes[2] != 2 * connectivity)
            throw Wrong("its sizes are others");
        if (highest > (ulong)short.MaxValue || entry >= count || Level(levels, (uint)entry) != (int)highest)
            throw Wrong("its entry is wrong");
        long bytes = nodesAt + (OtherBytes * (rows - (long)count));
        for (uint number = 0; number < count; number++)
            bytes += Level(levels, number) is >= 0 and var level && (ulong)level <= highest ? NodeBytes(parameters, level) : throw Wrong($"node {number} has a level that is not there");
        if (bytes != file.Length)
            throw Wrong($"it has {file.Length} bytes, not {bytes}");
        var firsts = new BitArray(rows);
        long last = -1;
        for (uint number = 0; number < count; number++)
        {
            ulong row = Read<ulong>(node);
            if ((long)row <= last || row >= (ulong)rows)
                throw Wrong($"node {number} is of a wrong row");
            if (!TryPassNode(ref node, number, levels, parameters, count))
                throw Wrong($"node {number} has wrong neighbors");
            last = (long)row;
            firsts[(int)row] = true;
        }
        return ReadOthers(node, firsts) ?? throw Wrong("it lacks rows, or has them twice");

        DataException Wrong(string what) => new($"{file.Path}: is not the graph of this index: {what}");
    }

    /// <summary>Writes the part behind the library's.</summary>
    /// <param name="stream">Receives it.</param>
    /// <param name="others">Rows that are not the first of their node, in order, with the first.</param>
    public static void WriteOthers(Stream stream, IReadOnlyList<(int Row, int First)> others)
    {
        Span<byte> bytes = stackalloc byte[OtherBytes];
        foreach (var (row, first) in others)
        {
            BitConverter.TryWriteBytes(bytes, row);
            BitConverter.TryWriteBytes(bytes[sizeof(int)..], first);
            stream.Write(bytes);
        }
    }

    /// <summary>About the bytes of a row in the file, with all of its levels.</summary>
    public static long BytesOfARow(GraphParameters parameters, int width) => (width * sizeof(ushort)) + sizeof(short) + NodeBytes(parameters, 0) + sizeof(ulong);

    private static bool IsHead(ReadOnlySpan<byte> head, uint nodes, int width)
    {
        Span<byte> expected = stackalloc byte[HeadBytes];
        expected.Clear();
        "usearch"u8.CopyTo(expected);
        head[MajorAt..TypesAt].CopyTo(expected[MajorAt..]);
        Types.CopyTo(expected[TypesAt..]);
        BitConverter.TryWriteBytes(expected[RowsAt..], (ulong)nodes);
        BitConverter.TryWriteBytes(expected[WidthAt..], (ulong)width);
        return head.SequenceEqual(expected) && BitConverter.ToUInt16(head[MajorAt..]) == Major && BitConverter.ToUInt16(head[MinorAt..]) >= LeastMinor;
    }

    // The other rows of nodes; null if they are not all rows without a node. Both are in the order of rows.
    private static Dictionary<int, int[]>? ReadOthers(byte* other, BitArray firsts)
    {
        var others = new List<(int Row, int First)>();
        for (int row = 0; row < firsts.Length; row++)
        {
            if (firsts[row])
                continue;
            uint first = Read<uint>(other + sizeof(uint));
            if (Read<uint>(other) != row || first >= row || !firsts[(int)first])
                return null;
            others.Add((row, (int)first));
            other += OtherBytes;
        }
        return others.GroupBy(static other => other.First).ToDictionary(static node => node.Key, static node => node.Select(static other => other.Row).ToArray());
    }

    // Checks the levels of a node, and moves the pointer behind it.
    private static bool TryPassNode(ref byte* node, uint number, byte* levels, GraphParameters parameters, uint nodes)
    {
        int highest = Level(levels, number);
        if (Read<short>(node + sizeof(ulong)) != highest)
            return false;
        byte* list = node + NodeHeadBytes;
        for (int level = 0; level <= highest; level++)
        {
            int most = MostNeighbors(parameters, level);
            uint count = Read<uint>(list);
            if (count > most)
                return false;
            for (uint i = 1; i <= count; i++)
            {
                uint neighbor = Read<uint>(list + (i * sizeof(uint)));
                if (neighbor >= nodes || Level(levels, neighbor) < level)
                    return false;
            }
            list += ListBytes(most);
        }
        node = list;
        return true;
    }

    private static int MostNeighbors(GraphParameters parameters, int level) => level == 0 ? 2 * parameters.Connectivity : parameters.Connectivity;

    private static long ListBytes(int most) => sizeof(uint) * (1L + most);

    private static long NodeBytes(GraphParameters parameters, int level) => NodeHeadBytes + ListBytes(MostNeighbors(parameters, 0)) + (level * ListBytes(MostNeighbors(parameters, 1)));

    private static int Level(byte* levels, uint number) => Read<short>(levels + ((long)number * sizeof(short)));

    private static T Read<T>(byte* at) where T : unmanaged => Unsafe.ReadUnaligned<T>(at);
}
