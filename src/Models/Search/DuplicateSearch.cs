using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Search;

/// <summary>A video of a group of duplicates.</summary>
/// <param name="Group">Number of the group, from 1.</param>
/// <param name="Id">Id of the video.</param>
/// <param name="Cosine">Cosine of its embedding and that of the first video of the group; 1 for the first.</param>
public sealed record DuplicateVideo(int Group, string Id, double Cosine);

/// <summary>
/// Groups of duplicates: the connected components of all pairs of videos with a cosine of at least a threshold. All
/// pairs of few videos are compared. Of more videos, each is compared with those that the graphs of its indexes find
/// near it. The result does not depend on the number of threads or on the processor.
/// </summary>
public static class DuplicateSearch
{
    /// <summary>The most videos of which all pairs are compared: 20 billion pairs.</summary>
    public const int MostVideos = 200_000;

    /// <summary>Finds the groups.</summary>
    /// <param name="embeddings">The embeddings.</param>
    /// <param name="threshold">The least cosine of two duplicates, above 0 and at most 1.</param>
    /// <param name="threads">Number of threads.</param>
    /// <param name="progress">Receives the progress in pairs of videos.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <returns>
    /// The videos of all groups of at least two. Groups are in the order of their first videos in the file, and so are
    /// the videos of a group.
    /// </returns>
    /// <exception cref="DataException">
    /// There are too many videos for a file or an exact index, or they cannot be read.
    /// </exception>
    public static IReadOnlyList<DuplicateVideo> Find(EmbeddingSource embeddings, double threshold, int threads, IProgressSink progress, CancellationToken cancellation) =>
        Find(embeddings, threshold, MostVideos, threads, progress, cancellation);

    /// <summary>The same with another limit, for tests.</summary>
    internal static IReadOnlyList<DuplicateVideo> Find(EmbeddingSource embeddings, double threshold, int mostVideos, int threads, IProgressSink progress, CancellationToken cancellation)
    {
        int count = embeddings.Ids.Count;
        var groups = new Components(count);
        if (count > mostVideos)
            NeighborPairs.Join(groups, embeddings as VideoIndex ?? throw NeighborPairs.NeedsGraph(embeddings, embeddings.Source, mostVideos), threshold, mostVideos, threads, progress, cancellation);
        else
            CompareAll(groups, embeddings, threshold, threads, progress, cancellation);
        return Describe(embeddings, groups);
    }

    private static void CompareAll(Components groups, EmbeddingSource embeddings, double threshold, int threads, IProgressSink progress, CancellationToken cancellation)
    {
        int count = embeddings.Ids.Count;
        long pairs = (long)count * (count - 1) / 2, done = 0;
        progress.Begin("comparing pairs", pairs);
        RowBlocks.Run(count, threads, () => new Worker(embeddings, threshold), (block, worker) =>
        {
            long compared = worker.CompareWithLater(block, cancellation);
            lock (groups)
                progress.Report(done += compared, "");
        }, worker => groups.Add(worker.Groups), cancellation);
        progress.End("");
    }

    private static List<DuplicateVideo> Describe(EmbeddingSource embeddings, Components groups)
    {
        var found = new List<DuplicateVideo>();
        double[] first = new double[embeddings.Width], other = new double[embeddings.Width];
        int number = 0;
        foreach (var group in Enumerable.Range(0, embeddings.Ids.Count).GroupBy(groups.FirstOf).Where(static group => group.Skip(1).Any()))
        {
            number++;
            embeddings.Read(group.Key, first);
            foreach (int row in group)
            {
                embeddings.Read(row, other);
                found.Add(new DuplicateVideo(number, embeddings.Ids[row], row == group.Key ? 1 : PairScoring.Cosine(first, other)));
            }
        }
        return found;
    }

    // The work of one thread, with the components that its edges make.
    private sealed class Worker(EmbeddingSource embeddings, double threshold)
    {
        private readonly double _error = CosineEstimate.MostError(embeddings.Width);
        private readonly Block _left = new(embeddings), _right = new(embeddings);

        public Components Groups { get; } = new(embeddings.Ids.Count);

        // Compares the rows of a block with each other and with those of later blocks. Returns the number of pairs.
        public long CompareWithLater(int block, CancellationToken cancellation)
        {
            _left.Read(block * RowBlocks.Rows);
            long pairs = Compare(_left, _left);
            for (int first = _left.First + _left.Count; first < embeddings.Ids.Count; first += RowBlocks.Rows)
            {
                cancellation.ThrowIfCancellationRequested();
                _right.Read(first);
                pairs += Compare(_left, _right);
            }
            return pairs;
        }

        private long Compare(Block left, Block right)
        {
            long pairs = 0;
            for (int i = 0; i < left.Count; i++)
            {
                int begin = left == right ? i + 1 : 0;
                for (int j = begin; j < right.Count; j++)
                {
                    double estimate = CosineEstimate.Product(left[i], right[j]) * left.InverseLengths[i] * right.InverseLengths[j];
                    // Also if the estimate is NaN.
                    if (!(estimate < threshold - _error))
                        AddEdge(left, i, right, j, isSure: estimate >= threshold + _error);
                }
                pairs += right.Count - begin;
            }
            return pairs;
        }

        private void AddEdge(Block left, int i, Block right, int j, bool isSure)
        {
            int a = left.First + i, b = right.First + j;
            if (Groups.FirstOf(a) != Groups.FirstOf(b) && (isSure || PairScoring.Cosine(left[i], right[j]) >= threshold))
                Groups.Join(a, b);
        }
    }

    // Some rows with the factors of their cosines.
    private sealed class Block(EmbeddingSource embeddings)
    {
        private readonly double[] _rows = new double[RowBlocks.Rows * embeddings.Width];

        public int First { get; private set; }

        public int Count { get; private set; }

        public double[] InverseLengths { get; } = new double[RowBlocks.Rows];

        public ReadOnlySpan<double> this[int row] => _rows.AsSpan(row * embeddings.Width, embeddings.Width);

        public void Read(int first)
        {
            (First, Count) = (first, Math.Min(RowBlocks.Rows, embeddings.Ids.Count - first));
            embeddings.Read(first, _rows.AsSpan(0, Count * embeddings.Width));
            for (int row = 0; row < Count; row++)
                InverseLengths[row] = CosineEstimate.InverseLength(this[row]);
        }
    }
}
