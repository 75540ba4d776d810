using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Records;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Search;

public sealed class DuplicateSearchTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Random vectors of 64 values have cosines below 0.8. Groups lie anywhere in the file.
    [Fact]
    public void Find_PlantedDuplicatesInTwentyThousandRows_AreFoundAndNoOther()
    {
        const int Rows = 20_000, Width = 64, Planted = 300;
        var random = new Random(1);
        double[][] rows = [.. Enumerable.Range(0, Rows).Select(_ => Vector(random, Width))];
        int[] places = [.. Enumerable.Range(0, Rows).OrderBy(_ => random.Next())];
        var expected = new List<int[]>();
        for (int group = 0, next = 0; group < Planted; group++)
        {
            int size = 2 + (group % 3);
            int[] members = [.. places[next..(next + size)].Order()];
            next += size;
            foreach (int member in members[1..])
                rows[member] = [.. rows[members[0]].Select(value => value * (2 + (0.05 * random.NextDouble())))]; // cosines above 0.999
            expected.Add(members);
        }
        var found = Find(Rows, rows, 0.99, threads: 2);
        Assert.Equal(expected.OrderBy(static members => members[0]).Select(static members => string.Join(' ', members)), Groups(found));
    }

    // Each is near the next one only, in the order 4, 2, 0, 1, 3. The last one is near nobody.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Find_AChain_IsOneGroupWithCosinesToItsFirst(int threads)
    {
        double[] angles = [20, 30, 10, 40, 0, 90];
        double[][] rows = [.. angles.Select(static angle => new[] { Math.Cos(angle * Math.PI / 180), Math.Sin(angle * Math.PI / 180) })];
        var found = Find(rows.Length, rows, Math.Cos(11 * Math.PI / 180), threads);
        Assert.Equal(["0 1 2 3 4"], Groups(found));
        Assert.Equal([1, .. new[] { 1, 2, 3, 4 }.Select(row => PairScoring.Cosine(rows[0], rows[row]))], found.Select(static video => video.Cosine));
    }

    [Fact]
    public void Find_AnyThreads_GivesTheSameBits()
    {
        var random = new Random(2);
        double[][] rows = [.. Enumerable.Range(0, 1500).Select(_ => Vector(random, 4))]; // many edges, in a few groups
        var expected = Find(rows.Length, rows, 0.998, threads: 1);
        Assert.InRange(Groups(expected).Length, 20, 700);
        Assert.Equal(BruteForce(rows, 0.998), Groups(expected));
        foreach (int threads in new[] { 2, 5 })
            Assert.Equal(expected, Find(rows.Length, rows, 0.998, threads));
    }

    // The threshold is a cosine, and its neighbours among the numbers of float64. Estimates do not tell them apart.
    [Fact]
    public void Find_AThresholdThatIsACosine_TakesThePair()
    {
        var random = new Random(3);
        for (int trial = 0; trial < 20; trial++)
        {
            double[][] rows = [Vector(random, 256), Vector(random, 256)];
            if (PairScoring.Cosine(rows[0], rows[1]) < 0)
                rows[1] = [.. rows[1].Select(static value => -value)];
            double cosine = PairScoring.Cosine(rows[0], rows[1]);
            Assert.Equal(2, Find(2, rows, cosine, threads: 1).Count);
            Assert.Equal(2, Find(2, rows, Math.BitDecrement(cosine), threads: 1).Count);
            Assert.Empty(Find(2, rows, Math.BitIncrement(cosine), threads: 1));
        }
    }

    // No estimate exists for a vector of zeros or of tiny values.
    [Fact]
    public void Find_ShortVectors_AreComparedExactly()
    {
        double[] tiny = [1e-160, 2e-160, 0];
        var found = Find(4, [[0, 0, 0], tiny, [0, 0, 0], [1, 2, 0]], 0.9, threads: 1);
        Assert.Equal(PairScoring.Cosine(tiny, [1, 2, 0]) >= 0.9 ? ["1 3"] : [], Groups(found));
    }

    [Fact]
    public void Find_MoreThanAllPairsAllow_NeedsAGraph()
    {
        const int Rows = DuplicateSearch.MostVideos + 1;
        string path = _folder.Write("e.npy", NumpyFile.Of("<f2", "False", $"({Rows}, 1)", new float[Rows]));
        _folder.Write("e.ids.txt", string.Join('\n', Enumerable.Range(0, Rows)));
        using var source = EmbeddingSource.Open(path);
        Assert.Equal($"{path}: all pairs are compared of at most {Rows - 1} videos, and there are {Rows}; build an index with 'index build --kind hnsw'",
            Assert.Throws<DataException>(() => DuplicateSearch.Find(source, 0.9, 1, IProgressSink.None, CancellationToken.None)).Message);
    }

    private static double[] Vector(Random random, int width) => [.. Enumerable.Range(0, width).Select(_ => (double)(float)(random.NextDouble() - 0.5))];

    private static string[] Groups(IReadOnlyList<DuplicateVideo> found)
    {
        Assert.Equal(Enumerable.Range(1, found.Count == 0 ? 0 : found[^1].Group), found.Select(static video => video.Group).Distinct());
        return [.. found.GroupBy(static video => video.Group).Select(static group => string.Join(' ', group.Select(static video => video.Id)))];
    }

    // Each row takes the smallest name of its neighbours until nothing changes.
    private static string[] BruteForce(double[][] rows, double threshold)
    {
        int[] names = [.. Enumerable.Range(0, rows.Length)];
        for (bool changes = true; changes;)
        {
            changes = false;
            for (int i = 0; i < rows.Length; i++)
            {
                for (int j = 0; j < i; j++)
                {
                    if (names[i] == names[j] || PairScoring.Cosine(rows[i], rows[j]) < threshold)
                        continue;
                    names[i] = names[j] = Math.Min(names[i], names[j]);
                    changes = true;
                }
            }
        }
        return [.. names.Select(static (name, row) => (name, row)).GroupBy(static row => row.name).Where(static group => group.Count() > 1).Select(static group => string.Join(' ', group.Select(static row => row.row)))];
    }

    private IReadOnlyList<DuplicateVideo> Find(int count, double[][] rows, double threshold, int threads)
    {
        string path = Path.Combine(_folder.Path, "e.npy");
        SubmissionFile.Write(path, Submissions.Tables.Of([.. Enumerable.Range(0, count).Select(row => ($"{row}", rows[row]))]), EmbeddingRounding.Double);
        using var source = EmbeddingSource.Open(path);
        return DuplicateSearch.Find(source, threshold, threads, IProgressSink.None, TestContext.Current.CancellationToken);
    }
}
