using System.Runtime.InteropServices;
using System.Security.Cryptography;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Progress;
using VideoSim.Models.Search;

namespace VideoSim.Fuzz.Formats;

/// <summary>
/// The graph of an index whose hashes somebody has made anew. A graph that is taken is searched: it must not lead the
/// native library outside of its memory.
/// </summary>
internal sealed class IndexGraphFormat() : Format("index-graph", "graph.usearch", "GraphFormat on USearch: index stat, search --index, dedup --index")
{
    private const int Queries = 3;

    // Nodes, rows and values of a row of the inputs. 80 nodes are of several levels. Rows of one value are two nodes.
    private static readonly (int Nodes, int Rows, int Width)[] Sizes = [(80, 80, 20), (3, 3, 2), (2, 12, 1)];

    public override IEnumerable<byte[]> Seeds() => Sizes.Select(static size => Make(size.Rows, size.Width));

    // The graph is at the end. Vectors may have any values, so they are changed less often.
    public override byte[] Mutate(Mutator mutator, byte[] input)
    {
        if (mutator.OneIn(4))
            return mutator.Bytes(input);
        byte[] changed = [.. input];
        for (int steps = mutator.Random.Next(1, 4); steps > 0 && changed.Length > 0; steps--)
        {
            int at = mutator.Random.Next(mutator.OneIn(8) ? 0 : changed.Length / 3, changed.Length);
            long number = mutator.OneIn(2) ? mutator.Integer() : mutator.Random.Next(Sizes[0].Rows + 1);
            var bytes = changed.AsSpan(at, Math.Min(1 << mutator.Random.Next(4), changed.Length - at));
            MemoryMarshal.AsBytes(new Span<long>(ref number))[..bytes.Length].CopyTo(bytes);
        }
        return changed;
    }

    public override void Read(string path, byte[] input)
    {
        // As the manifest would say.
        var (_, rows, width) = Sizes.FirstOrDefault(size => input.Length >= sizeof(int) && BitConverter.ToInt32(input) == size.Nodes, Sizes[0]);
        using var memory = FileMemory.Read(path, input.Length, out string sha256);
        Expect.Equal(Convert.ToHexStringLower(SHA256.HashData(input)), sha256, "hash");
        using var graph = IndexFiles.Graphs.Open(memory, IndexFiles.Graphs.Parameters, rows, width);
        int[] found = new int[rows];
        for (int query = 0; query < Queries; query++)
        {
            int count = graph.Find(Row(width, query + 0.5), found);
            Expect.Equal(count, found.Take(count).Where(row => row >= 0 && row < rows).Distinct().Count(), "rows that are there");
            foreach (int node in found[..count])
                Expect.Equal(true, graph.OthersOf(node).ToArray().All(row => row > node && row < rows), "other rows that are there");
        }
    }

    private static double[] Row(int width, double number) => [.. Enumerable.Range(0, width).Select(i => Math.Sin((number + 1) * (i + 1)))];

    private static byte[] Make(int rows, int width)
    {
        using var stream = new MemoryStream();
        IndexFiles.Graphs.Build(rows, width, (first, values) => Enumerable.Range(first, values.Length / width).SelectMany(row => Row(width, row)).ToArray().CopyTo(values), stream, IProgressSink.None, CancellationToken.None);
        return stream.ToArray();
    }
}
