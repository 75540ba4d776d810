using VideoSim.Models.Datasets;

namespace VideoSim.Models.Batches;

/// <summary>
/// Videos in both the training and the validation pairs of a fold, because folds split pairs and not videos
/// (docs/reference-system.md, section 9, item 18). Scores on such pairs are too high.
/// </summary>
/// <param name="Videos">Videos that occur in training and in validation pairs.</param>
/// <param name="PairsWithOne">Validation pairs of which exactly one video occurs in training pairs.</param>
/// <param name="PairsWithBoth">Validation pairs of which both videos occur in training pairs.</param>
public readonly record struct FoldLeak(int Videos, int PairsWithOne, int PairsWithBoth)
{
    /// <summary>Measures a fold.</summary>
    /// <param name="fold">The split.</param>
    /// <param name="pairs">All labelled pairs. The fold's numbers are indices into them.</param>
    public static FoldLeak Of(Fold fold, IReadOnlyList<VideoPair> pairs)
    {
        var trained = VideosOf(fold.Train, pairs);
        var leaked = VideosOf(fold.Validation, pairs);
        leaked.IntersectWith(trained);
        int one = 0, both = 0;
        foreach (int pair in fold.Validation)
        {
            int known = (trained.Contains(pairs[pair].Left) ? 1 : 0) + (trained.Contains(pairs[pair].Right) ? 1 : 0);
            one += known == 1 ? 1 : 0;
            both += known == 2 ? 1 : 0;
        }
        return new FoldLeak(leaked.Count, one, both);
    }

    /// <summary>
    /// The same fold without the training pairs that share a video with its validation pairs. This split has no leak
    /// and fewer pairs.
    /// </summary>
    public static Fold Without(Fold fold, IReadOnlyList<VideoPair> pairs)
    {
        var validated = VideosOf(fold.Validation, pairs);
        return fold with { Train = [.. fold.Train.Where(pair => !validated.Contains(pairs[pair].Left) && !validated.Contains(pairs[pair].Right))] };
    }

    private static HashSet<int> VideosOf(IEnumerable<int> chosen, IReadOnlyList<VideoPair> pairs) =>
        [.. chosen.SelectMany(pair => new[] { pairs[pair].Left, pairs[pair].Right })];
}
