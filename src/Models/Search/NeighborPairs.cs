using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Search;

/// <summary>Pairs of duplicates: each row, and the rows that graphs find near it.</summary>
internal static class NeighborPairs
{
    // Nodes to ask for at first. If all are near, there may be more.
    private const int Least = 64;

    // A row is compared with so many nodes at most, and with so many other rows of nodes. If it has more duplicates,
    // it is a neighbor of theirs, too, and far fewer pairs than all connect a group. Without a limit the time would
    // grow with the square of the size of a group.
    private const int Most = 1024;

    /// <summary>Joins the rows of each pair whose cosine is at least a threshold.</summary>
    /// <param name="groups">Receives the pairs.</param>
    /// <param name="index">The rows.</param>
    /// <param name="threshold">The threshold.</param>
    /// <param name="mostVideos">The most rows of which all pairs would have been compared, for the message.</param>
    /// <param name="threads">Number of threads; the pairs do not depend on it.</param>
    /// <param name="progress">Receives the progress in rows.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="DataException">An index has no graph, or a row cannot be read.</exception>
    public static void Join(Components groups, VideoIndex index, double threshold, int mostVideos, int threads, IProgressSink progress, CancellationToken cancellation)
    {
        foreach (var (path, range) in index.Parts)
        {
            if (range.Graph is null)
                throw NeedsGraph(index, path, mostVideos);
        }
        RowRange[] ranges = [.. index.Parts.Select(static part => part.Rows)];
        int count = index.Ids.Count;
        long done = 0;
        progress.Begin("finding neighbors", count);
        RowBlocks.Run(count, threads, () => new Worker(index, ranges, threshold), (block, worker) =>
        {
            int first = block * RowBlocks.Rows, rows = Math.Min(RowBlocks.Rows, count - first);
            for (int row = first; row < first + rows; row++)
            {
                cancellation.ThrowIfCancellationRequested();
                worker.JoinNeighbors(row);
            }
            lock (groups)
                progress.Report(done += rows, "");
        }, worker => groups.Add(worker.Groups), cancellation);
        progress.End("");
    }

    /// <summary>The error for embeddings that are too many without a graph.</summary>
    /// <param name="embeddings">All embeddings.</param>
    /// <param name="path">The file or the index that has no graph.</param>
    /// <param name="mostVideos">The most rows of which all pairs are compared.</param>
    public static DataException NeedsGraph(EmbeddingSource embeddings, string path, int mostVideos) =>
        new($"{path}: all pairs are compared of at most {mostVideos} videos, and there are {embeddings.Ids.Count}; build an index with 'index build --kind hnsw'");

    // The work of one thread, with the components that its edges make. The edges of a row depend on nothing else.
    private sealed class Worker(VideoIndex index, RowRange[] ranges, double threshold)
    {
        private readonly double[] _row = new double[index.Width], _other = new double[index.Width];
        private readonly int[] _nodes = new int[Most];

        public Components Groups { get; } = new(index.Ids.Count);

        public void JoinNeighbors(int row)
        {
            index.Read(row, _row);
            foreach (var range in ranges)
            {
                int asked = 0, found, near;
                do
                {
                    asked = Math.Min(range.Count, asked == 0 ? Least : 2 * asked);
                    found = range.Graph!.Find(_row, _nodes.AsSpan(0, asked));
                    near = 0;
                    foreach (int node in _nodes.AsSpan(0, found))
                        near += JoinIfNear(row, range.First + node) ? 1 : 0;
                }
                while (near == asked && asked < Math.Min(range.Count, Most));
                JoinOthers(row, range, _nodes.AsSpan(0, found));
            }
        }

        private void JoinOthers(int row, RowRange range, ReadOnlySpan<int> nodes)
        {
            int left = Most;
            foreach (int node in nodes)
            {
                var others = range.Graph!.OthersOf(node);
                foreach (int other in others[..Math.Min(left, others.Length)])
                    JoinIfNear(row, range.First + other);
                left -= Math.Min(left, others.Length);
            }
        }

        private bool JoinIfNear(int row, int other)
        {
            index.Read(other, _other);
            if (!(PairScoring.Cosine(_row, _other) >= threshold))
                return false;
            Groups.Join(row, other);
            return true;
        }
    }
}
