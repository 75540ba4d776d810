using System.Runtime.InteropServices;
using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Tests.Search;

/// <summary>
/// "Graphs" that are all rows as numbers of float64. A search compares every row, or every second one: then it misses
/// the others. Rows that are equal when they are rounded are one node.
/// </summary>
/// <param name="step">1 for all rows.</param>
/// <param name="decimals">Digits behind the point that rounding leaves.</param>
internal sealed class PlainGraphs(int step = 1, int decimals = 15) : INeighborGraphLibrary
{
    private readonly int _step = step, _decimals = decimals;

    public GraphParameters Parameters { get; } = new(16, 128);

    /// <summary>The rows that a graph was built of.</summary>
    public double[] Built { get; private set; } = [];

    /// <summary>The most rows that a graph was to find.</summary>
    public int MostAsked { get; private set; }

    public void Build(int rows, int width, RowReader read, Stream stream, IProgressSink progress, CancellationToken cancellation)
    {
        Built = new double[rows * width];
        read(0, Built);
        stream.Write(MemoryMarshal.AsBytes(Built.AsSpan()));
    }

    public INeighborGraph Open(FileMemory file, GraphParameters parameters, int rows, int width) =>
        parameters == Parameters && file.Length == (long)rows * width * sizeof(double) ? new Graph(this, file, rows, width) : throw new DataException($"{file.Path}: is another graph");

    private sealed class Graph : INeighborGraph
    {
        private readonly PlainGraphs _library;
        private readonly FileMemory _file;
        private readonly Dictionary<int, int[]> _nodes; // with their other rows
        private readonly int _width;

        public Graph(PlainGraphs library, FileMemory file, int rows, int width)
        {
            (_library, _file, _width) = (library, file, width);
            _nodes = Enumerable.Range(0, rows).Where(row => row % library._step == 0).GroupBy(row => string.Join(' ', Row(row).ToArray().Select(value => Math.Round(value, library._decimals)))).ToDictionary(static node => node.First(), static node => node.Skip(1).ToArray());
        }

        public int Find(ReadOnlySpan<double> vector, Span<int> nodes)
        {
            lock (_library)
                _library.MostAsked = Math.Max(_library.MostAsked, nodes.Length);
            double[] query = vector.ToArray();
            int[] nearest = [.. _nodes.Keys.OrderByDescending(row => PairScoring.Cosine(query, Row(row))).ThenBy(static row => row).Take(nodes.Length)];
            nearest.CopyTo(nodes);
            return nearest.Length;
        }

        public ReadOnlySpan<int> OthersOf(int node) => _nodes[node];

        public void Dispose() => _file.Dispose();

        private unsafe ReadOnlySpan<double> Row(int row) => new((double*)_file.Start + (row * _width), _width);
    }
}
