using VideoSim.Models.Datasets;

namespace VideoSim.Models.Batches;

/// <summary>
/// What a split by pairs lets through: videos that a fold validates on and has trained on (docs/reference-system.md,
/// section 9, item 18). A score on such pairs flatters the model.
/// </summary>
/// <param name="Videos">Videos that occur in training and in validation pairs.</param>
/// <param name="PairsWithOne">Validation pairs of which exactly one video occurs in training pairs.</param>
/// <param name="PairsWithBoth">Validation pairs of which both do.</param>
public readonly record struct FoldLeak(int Videos, int PairsWithOne, int PairsWithBoth)
{
    /// <summary>Measures a fold.</summary>
    /// <param name="fold">The split.</param>
    /// <param name="pairs">All labelled pairs, which the fold's numbers mean.</param>
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

    /// <summary>The same fold without the training pairs that hold a video of its validation pairs: an honest split of fewer pairs.</summary>
    public static Fold Without(Fold fold, IReadOnlyList<VideoPair> pairs)
    {
        var validated = VideosOf(fold.Validation, pairs);
        return fold with { Train = [.. fold.Train.Where(pair => !validated.Contains(pairs[pair].Left) && !validated.Contains(pairs[pair].Right))] };
    }

    private static HashSet<int> VideosOf(IEnumerable<int> chosen, IReadOnlyList<VideoPair> pairs) =>
        [.. chosen.SelectMany(pair => new[] { pairs[pair].Left, pairs[pair].Right })];
}
