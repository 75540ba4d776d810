using VideoSim.Engine;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Progress;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;
using VideoSim.Search.USearch;
using Xunit;

namespace VideoSim.Cli.Tests.Search;

/// <summary>Graphs of the native library.</summary>
public sealed class USearchTests : IDisposable
{
    private static readonly USearchLibrary Graphs = new();

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("videosim-");

    public void Dispose() => _folder.Delete(recursive: true);

    // Points around 200 centres, in 24 of 128 dimensions, with noise: like embeddings of videos.
    [Fact]
    public void Find_FiveThousandClusteredRows_FindsTheNearest()
    {
        const int Rows = 5000, Width = 128, Rank = 24;
        var random = new Random(1);
        double[][] basis = [.. Enumerable.Range(0, Rank).Select(_ => Gaussian(random, Width))], centres = [.. Enumerable.Range(0, 200).Select(_ => Gaussian(random, Rank))];
        double[][] rows = [.. Enumerable.Range(0, Rows).Select(_ =>
        {
            double[] centre = centres[random.Next(centres.Length)], row = [.. Gaussian(random, Width).Select(static noise => 0.3 * noise)];
            for (int i = 0; i < Rank; i++)
            {
                double factor = centre[i] + (0.6 * random.NextDouble());
                for (int j = 0; j < Width; j++)
                    row[j] += factor * basis[i][j];
            }
            return row;
        })];
        using var index = Open(Write(rows));
        Assert.InRange(GraphRecall.Measure(index, threads: 2, IProgressSink.None, TestContext.Current.CancellationToken), 0.995, 1);
        var queries = SimilaritySearch.QueriesOf(index).Take(300).ToArray();
        var expected = Find(1);
        foreach (int threads in new[] { 2, 7 })
            Assert.Equal(expected, Find(threads));

        SimilarVideo[] Find(int threads) => [.. SimilaritySearch.Find(index, queries, 10, threads, IProgressSink.None, TestContext.Current.CancellationToken).SelectMany(static query => query.Similar)];
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 256)]
    [InlineData(700, 16)]
    [InlineData(700, 37)]
    public void Build_Twice_GivesTheSameBytesAndFindsTheRowsThemselves(int count, int width)
    {
        var random = new Random(count + width);
        double[][] rows = [.. Enumerable.Range(0, count).Select(_ => Gaussian(random, width))];
        byte[] graph = Build(rows);
        Assert.Equal(graph, Build(rows));
        using var opened = Open(graph, count, width);
        for (int row = 0; row < count; row++)
            Assert.Equal(row, Nodes(opened, rows[row], 64)[0]);
        Assert.Equal(Enumerable.Range(0, count), Nodes(opened, rows[0], count).Order());
    }

    // Lengths at the ends of float32 and beyond, and zeros.
    [Fact]
    public void Find_RowsOfAnyLength_ComparesTheirDirections()
    {
        using var graph = Open(Build([[0, 0], [1e-40, 0], [0, 3e38], [-1, 0], [1, 1]]), 5, 2);
        Assert.Equal([1, 4], Nodes(graph, [1e-200, 0], 5)[..2]);
        Assert.Equal([2, 4], Nodes(graph, [0, 1e300], 5)[..2]);
        Assert.Equal(3, Nodes(graph, [-5, 0.01], 5)[0]);
        Assert.Equal(3, Nodes(graph, [0, 0], 3).Length);
    }

    // A search would not get past so many equal rows if each were a node. Two of them differ by less than bf16 tells.
    [Fact]
    public void Build_EqualRows_AreOneNode()
    {
        double[][] rows = [[0, 1], [3, 1], [-1, 0], .. Enumerable.Range(0, 500).Select(static row => new[] { row % 2 == 0 ? 6 : 3.00001, row % 2 == 0 ? 2 : 1 }), [1, -1]];
        using var graph = Open(Build(rows), rows.Length, 2);
        Assert.Equal([1, 503, 0, 2], Nodes(graph, [3, 1], 10));
        Assert.Equal(Enumerable.Range(3, 500), graph.OthersOf(1).ToArray());
        Assert.Empty(graph.OthersOf(0).ToArray());
    }

    [Theory]
    [InlineData(8, 4)] // a row that is a node
    [InlineData(8, 7)] // the same row twice
    [InlineData(12, 5)] // the first of the node is no node
    [InlineData(12, 9)] // it is not there
    [InlineData(7, 0x80)]
    [InlineData(3, 0x80)]
    public void Open_OtherRowsThatAreWrong_AreRefused(int at, int value)
    {
        byte[] graph = Build([.. Enumerable.Range(0, 8).Select(static row => new[] { 1, row % 5 * 0.1 })]); // 5, 6 and 7 are as 0, 1 and 2
        Open(graph, 8, 2).Dispose();
        graph[^(24 - at)] = (byte)value;
        Refuse(graph, "it lacks rows, or has them twice", 8, 2);
    }

    // What leads the library outside of its memory, or hides rows. The numbers are those of the file's form.
    [Theory]
    [InlineData(0, 101, "its vectors are others")] // nodes
    [InlineData(0, 0, "its vectors are others")]
    [InlineData(3, 0x80, "its vectors are others")]
    [InlineData(4, 64, "its vectors are others")] // bytes of a vector
    [InlineData(Head, 'U', "its head is of another version of the library, or of another graph")]
    [InlineData(Head + 7, 3, "its head is of another version of the library, or of another graph")] // version 3
    [InlineData(Head + 9, 9, "its head is of another version of the library, or of another graph")] // version 2.9
    [InlineData(Head + 14, 1, "its head is of another version of the library, or of another graph")] // another type of values
    [InlineData(Head + 25, 1, "its head is of another version of the library, or of another graph")] // a deleted row
    [InlineData(Head + 33, 15, "its head is of another version of the library, or of another graph")] // values of a vector
    [InlineData(Graph, 101, "its sizes are others")] // nodes
    [InlineData(Graph + 8, 17, "its sizes are others")] // connectivity
    [InlineData(Graph + 16, 33, "its sizes are others")] // connectivity of level 0
    [InlineData(Graph + 24, 9, "its entry is wrong")] // highest level
    [InlineData(Graph + 31, 0x80, "its entry is wrong")]
    [InlineData(Graph + 32, 100, "its entry is wrong")] // a row that is not there
    [InlineData(Graph + 39, 1, "its entry is wrong")]
    [InlineData(Levels + 1, 0x80, "node 0 has a level that is not there")] // below 0
    [InlineData(NodesAt, 1, "node 1 is of a wrong row")] // the row of node 1, too
    [InlineData(NodesAt, 100, "node 0 is of a wrong row")]
    [InlineData(NodesAt + 7, 0x80, "node 0 is of a wrong row")]
    [InlineData(NodesAt + 8, 1, "node 0 has wrong neighbors")] // its level
    [InlineData(NodesAt + 10, 33, "node 0 has wrong neighbors")] // number of neighbors
    [InlineData(NodesAt + 14, 100, "node 0 has wrong neighbors")] // a neighbor that is not there
    [InlineData(NodesAt + 17, 0xff, "node 0 has wrong neighbors")]
    public void Open_AGraphThatIsWrong_IsRefused(int at, int value, string complaint)
    {
        byte[] graph = Small();
        graph[at] = (byte)value;
        Refuse(graph, complaint);
    }

    [Fact]
    public void Open_AGraphOfAnotherLength_IsRefused()
    {
        byte[] graph = Small();
        Refuse(graph[..^1], $"it has {graph.Length - 1} bytes, not {graph.Length}");
        Refuse([.. graph, 0], $"it has {graph.Length + 1} bytes, not {graph.Length}");
        Refuse(graph[..(NodesAt - 1)], "it is too short");
        Refuse(graph[..7], "its vectors are others");
        Refuse([], "its vectors are others");
    }

    // On a level above 0 the library reads the lists of a neighbor at a place that rows of lower levels do not have.
    [Fact]
    public void Open_ANeighborBelowTheLevel_IsRefused()
    {
        byte[] graph = Small();
        int at = NodesAt, row = 0;
        for (; BitConverter.ToInt16(graph, Levels + (2 * row)) == 0; row++)
            at += NodeBytes;
        int upper = at + NodeBytes, neighbors = BitConverter.ToInt32(graph, upper);
        Assert.InRange(neighbors, 1, 16);
        BitConverter.TryWriteBytes(graph.AsSpan(upper + 4), Enumerable.Range(0, Rows).First(other => BitConverter.ToInt16(graph, Levels + (2 * other)) == 0));
        Refuse(graph, $"node {row} has wrong neighbors");
    }

    // Any damage is refused or leads to other rows. Nothing ends the process.
    [Fact]
    public void Open_ManyDamagedGraphs_AreRefusedOrSearched()
    {
        byte[] graph = Small();
        var random = new Random(5);
        int refused = 0;
        double[] query = Gaussian(random, Width);
        for (int trial = 0; trial < 3000; trial++)
        {
            byte[] damaged = [.. graph];
            damaged[random.Next(trial % 4 == 0 ? 0 : Head, graph.Length)] = (byte)(random.Next(2) == 0 ? random.Next(256) : random.Next(Rows));
            try
            {
                using var opened = Open(damaged, Rows, Width);
                int[] found = new int[Rows];
                int count = opened.Find(query, found);
                Assert.All(found[..count], static row => Assert.InRange(row, 0, Rows - 1));
            }
            catch (DataException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 300, 2700);
    }

    [Fact]
    public void Build_ThatIsStopped_LeavesNothing()
    {
        using var stop = new CancellationTokenSource();
        string file = At("e.json"), index = At("index");
        SubmissionFile.Write(file, Table([[1, 2], [3, 4]]), EmbeddingRounding.Single);
        using var source = EmbeddingSource.Open(file);
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => Graphs.Build(2, 2, source.Read, Stream.Null, IProgressSink.None, stop.Token));
        Assert.Throws<OperationCanceledException>(() => IndexFolder.Write(index, source, titles: null, ElementType.Float32, Graphs, IProgressSink.None, stop.Token));
        Assert.False(Directory.Exists(index));
    }

    [Fact]
    public void Build_OfMoreRowsThanTheMemoryHolds_IsRefusedBeforeTheyAreRead() =>
        Assert.StartsWith("the graph of 2,147,483,647 rows takes about ", Assert.Throws<DataException>(() => Graphs.Build(int.MaxValue, 256, static (_, _) => throw new InvalidOperationException(), Stream.Null, IProgressSink.None, CancellationToken.None)).Message, StringComparison.Ordinal);

    // Places in the file of a graph of 100 rows of 16 values.
    private const int Rows = 100, Width = 16, Head = 8 + (Rows * Width * 2), Graph = Head + 64, Levels = Graph + 40, NodesAt = Levels + (2 * Rows), NodeBytes = 8 + 2 + 4 + (4 * 32);

    private static byte[] Small()
    {
        var random = new Random(4);
        byte[] graph = Build([.. Enumerable.Range(0, Rows).Select(_ => Gaussian(random, Width))]);
        Assert.Equal(0, BitConverter.ToInt16(graph, Levels));
        return graph;
    }

    private void Refuse(byte[] graph, string complaint, int rows = Rows, int width = Width) =>
        Assert.Equal($"{At("graph.usearch")}: is not the graph of this index: {complaint}", Assert.Throws<DataException>(() => Open(graph, rows, width)).Message);

    private static int[] Nodes(INeighborGraph graph, double[] vector, int count)
    {
        int[] nodes = new int[count];
        return nodes[..graph.Find(vector, nodes)];
    }

    private static double[] Gaussian(Random random, int width) => [.. Enumerable.Range(0, width).Select(_ => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))];

    private static byte[] Build(double[][] rows)
    {
        using var stream = new MemoryStream();
        int width = rows[0].Length;
        Graphs.Build(rows.Length, width, (first, values) => rows[first..(first + (values.Length / width))].SelectMany(static row => row).ToArray().CopyTo(values), stream, IProgressSink.None, TestContext.Current.CancellationToken);
        return stream.ToArray();
    }

    private INeighborGraph Open(byte[] graph, int rows, int width)
    {
        string path = At("graph.usearch");
        File.WriteAllBytes(path, graph);
        var memory = FileMemory.Read(path, graph.Length, out _);
        try
        {
            return Graphs.Open(memory, Graphs.Parameters, rows, width);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    private string Write(double[][] rows)
    {
        string file = At("e.zip"), index = At("index");
        SubmissionFile.Write(file, Table(rows), EmbeddingRounding.Single);
        using var source = EmbeddingSource.Open(file);
        IndexFolder.Write(index, source, titles: null, ElementType.Float32, Graphs, IProgressSink.None, TestContext.Current.CancellationToken);
        return index;
    }

    private static EmbeddingTable Table(double[][] rows)
    {
        var builder = new EmbeddingTableBuilder("test");
        for (int row = 0; row < rows.Length; row++)
            builder.Add($"{row}", rows[row]);
        return builder.Build();
    }

    private static VideoIndex Open(string index) => VideoIndex.Open([index], static () => Graphs, IProgressSink.None);

    private string At(string name) => Path.Combine(_folder.FullName, name);
}
