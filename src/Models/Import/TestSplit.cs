namespace VideoSim.Models.Import;

/// <summary>One labelled pair of rows.</summary>
/// <param name="Left">Number of the first row, from 0.</param>
/// <param name="Right">Number of the second row.</param>
/// <param name="Similarity">Its label, in [0, 1].</param>
/// <param name="Place">A hash of seed and ids, which orders the pairs for the choice of a test set.</param>
internal readonly record struct LabelledPair(int Left, int Right, float Similarity, ulong Place);

/// <summary>
/// Chooses a test set of a tenth of the pairs. No test video is in a training pair. Pairs that share a video, directly
/// or over other pairs, form a group. Groups come in random order, and those that fit are taken whole. If they do not
/// suffice, single pairs of other groups follow in random order, and the pairs that have one test video are left out.
/// </summary>
internal sealed class TestSplit
{
    private const int Share = 10;

    private readonly IReadOnlyList<LabelledPair> _pairs;
    private readonly HashSet<int> _videos = [];

    /// <summary>Chooses the test set.</summary>
    internal TestSplit(IReadOnlyList<LabelledPair> pairs)
    {
        _pairs = pairs;
        if (pairs.Count < 2)
            return;
        int wanted = (pairs.Count + Share - 1) / Share;
        int left = wanted;
        foreach (int[] group in Groups())
        {
            if (group.Length > left)
                continue;
            foreach (int pair in group)
                Take(pair);
            left -= group.Length;
        }
        if (left > 0)
            TakeSingles(wanted);
        Left = pairs.Count(pair => IsTest(pair.Left) != IsTest(pair.Right));
        Test = pairs.Count(pair => IsTest(pair.Left) && IsTest(pair.Right));
        // A test set that costs more than half of the pairs is none.
        if (Test + Left > pairs.Count / 2)
            _videos.Clear();
    }

    /// <summary>Whether there is a test set.</summary>
    internal bool Exists => _videos.Count > 0;

    /// <summary>Pairs of the test set.</summary>
    internal int Test { get; }

    /// <summary>Pairs that are left out, because only one of their videos is in the test set.</summary>
    internal int Left { get; }

    /// <summary>Whether a row is a video of the test set.</summary>
    internal bool IsTest(int row) => _videos.Contains(row);

    private void Take(int pair)
    {
        _videos.Add(_pairs[pair].Left);
        _videos.Add(_pairs[pair].Right);
    }

    // Taking a pair takes all pairs between its videos and other test videos.
    private void TakeSingles(int wanted)
    {
        var partners = new Dictionary<int, List<int>>();
        foreach (var pair in _pairs)
        {
            Add(pair.Left, pair.Right);
            Add(pair.Right, pair.Left);
        }
        int test = _pairs.Count(pair => IsTest(pair.Left) && IsTest(pair.Right));
        foreach (int pair in Enumerable.Range(0, _pairs.Count).OrderBy(pair => _pairs[pair].Place).ThenBy(static pair => pair))
        {
            if (test >= wanted)
                return;
            foreach (int video in new[] { _pairs[pair].Left, _pairs[pair].Right })
            {
                if (_videos.Add(video))
                    test += partners[video].Count(_videos.Contains);
            }
        }

        void Add(int video, int partner)
        {
            if (!partners.TryGetValue(video, out var all))
                partners.Add(video, all = []);
            all.Add(partner);
        }
    }

    // The groups of pairs, in the order of their smallest place.
    private IEnumerable<int[]> Groups()
    {
        var parents = new Dictionary<int, int>();
        foreach (var pair in _pairs)
            parents[Root(pair.Left)] = Root(pair.Right);
        return Enumerable.Range(0, _pairs.Count).GroupBy(pair => Root(_pairs[pair].Left))
            .OrderBy(group => group.Min(pair => _pairs[pair].Place)).ThenBy(static group => group.First()).Select(static group => group.ToArray());

        int Root(int video)
        {
            parents.TryAdd(video, video);
            while (parents[video] != video)
                video = parents[video] = parents[parents[video]];
            return video;
        }
    }
}
