using VideoSim.Engine;

namespace VideoSim.Models.Batches;

/// <summary>One split of the labelled pairs; every entry is a line of label.tsv, counted from 0.</summary>
/// <param name="Number">1 .. 11.</param>
/// <param name="Train">Lines to train on, in the reference's order.</param>
/// <param name="Validation">Lines to validate on, in the reference's order.</param>
public sealed record Fold(int Number, int[] Train, int[] Validation)
{
    /// <summary>The same split with fewer pairs.</summary>
    public Fold Where(Func<int, bool> keeps) => this with { Train = [.. Train.Where(keeps)], Validation = [.. Validation.Where(keeps)] };
}

/// <summary>
/// The reference's 11 folds (docs/reference-system.md, section 1.5): one shuffled list, of which fold i validates the
/// i-th piece and trains on all the rest, including what is left over behind the last piece. Pairs are split, not
/// videos, so a video may be on both sides.
/// </summary>
public static class Folds
{
    /// <summary>How many folds there are.</summary>
    public const int Count = 11;

    // The challenge's 67,899 pairs are cut into pieces of 6,000; smaller sets into eleven equal ones.
    private const int ReferenceFoldSize = 6_000;

    // The reference's seed.
    private const uint Seed = 42;

    /// <summary>How many pairs a fold validates, of <paramref name="pairCount"/>.</summary>
    public static int ValidationSize(int pairCount) => Math.Min(ReferenceFoldSize, pairCount / Count);

    /// <summary>The number of a fold as people write it: 1 .. 11, or the reference's name for it, such as 6000-11999val.</summary>
    /// <exception cref="DataException">There is no such fold.</exception>
    public static int Parse(string name)
    {
        for (int number = 1; number <= Count; number++)
        {
            int first = (number - 1) * ReferenceFoldSize;
            if (name == $"{number}" || name == $"{first}-{first + ReferenceFoldSize - 1}val")
                return number;
        }
        throw new DataException($"there is no fold '{name}': folds are 1 to {Count}");
    }

    /// <summary>Makes one fold.</summary>
    /// <param name="pairCount">Lines in label.tsv.</param>
    /// <param name="number">1 .. 11.</param>
    /// <exception cref="DataException">There are too few pairs.</exception>
    public static Fold Make(int pairCount, int number)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(number, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, Count);
        int size = ValidationSize(pairCount);
        if (size == 0)
            throw new DataException($"{Count} folds need at least {Count} labelled pairs, there are {pairCount}");

        var random = new MersenneTwister(Seed);
        int[] shuffled = new int[pairCount];
        for (int i = 0; i < pairCount; i++)
            shuffled[i] = i;

        random.Shuffle(shuffled);

        // Each fold shuffles its training list with the same running generator, so the folds before this one must have their turn.
        int[] train = new int[pairCount - size];
        for (int i = 0; i < number; i++)
        {
            shuffled.AsSpan(0, i * size).CopyTo(train);
            shuffled.AsSpan((i + 1) * size).CopyTo(train.AsSpan(i * size));
            random.Shuffle(train);
        }

        return new Fold(number, train, shuffled[((number - 1) * size)..(number * size)]);
    }
}
