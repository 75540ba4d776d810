using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Batches;

/// <summary>One split of the labelled pairs; every entry is a line of label.tsv, counted from 0.</summary>
/// <param name="Number">1 .. 11.</param>
/// <param name="Train">Lines to train on, in the reference's order.</param>
/// <param name="Validation">Lines to validate on, in the reference's order.</param>
public sealed record Fold(int Number, int[] Train, int[] Validation)
{
    /// <summary>The same split with only those pairs for which a function returns true.</summary>
    public Fold Where(Func<int, bool> keeps) => this with { Train = [.. Train.Where(keeps)], Validation = [.. Validation.Where(keeps)] };
}

/// <summary>
/// The reference's 11 folds (docs/reference-system.md, section 1.5). One shuffled list is cut into pieces. Fold i
/// validates on the i-th piece and trains on all other pairs, including those after the last piece. The folds split
/// pairs, not videos, so a video may be on both sides.
/// </summary>
public static class Folds
{
    /// <summary>Number of folds.</summary>
    public const int Count = 11;

    // The challenge's 67,899 pairs are cut into pieces of 6,000. Fewer pairs are cut into eleven equal pieces.
    private const int ReferenceFoldSize = 6_000;

    // The reference's seed.
    private const uint Seed = 42;

    /// <summary>Number of validation pairs of a fold, out of <paramref name="pairCount"/> pairs.</summary>
    public static int ValidationSize(int pairCount) => Math.Min(ReferenceFoldSize, pairCount / Count);

    /// <summary>Parses the number of a fold: 1 .. 11, or the reference's name of it, such as 6000-11999val.</summary>
    /// <exception cref="DataException">There is no such fold.</exception>
    public static int Parse(string name)
    {
        for (int number = 1; number <= Count; number++)
        {
            int first = (number - 1) * ReferenceFoldSize;
            if (name == $"{number}" || name == $"{first}-{first + ReferenceFoldSize - 1}val")
                return number;
        }
        throw new DataException($"there is no fold {Printable.Quote(name)}: folds are 1 to {Count}, and 'all' trains every one");
    }

    /// <summary>Refuses too few pairs for the folds.</summary>
    /// <param name="labels">The file of the pairs.</param>
    /// <param name="pairCount">Its lines.</param>
    /// <exception cref="DataException">There are fewer pairs than folds.</exception>
    public static void Require(string labels, int pairCount)
    {
        if (pairCount < Count)
            throw new DataException($"{labels}: {Count} folds need {Count} labelled pairs, and the file has {pairCount}");
    }

    /// <summary>Makes one fold.</summary>
    /// <param name="pairCount">Lines in label.tsv; as many as folds or more, see <see cref="Require"/>.</param>
    /// <param name="number">1 .. 11.</param>
    public static Fold Make(int pairCount, int number)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(number, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(pairCount, Count);
        int size = ValidationSize(pairCount);
        var random = new MersenneTwister(Seed);
        int[] shuffled = new int[pairCount];
        for (int i = 0; i < pairCount; i++)
            shuffled[i] = i;

        random.Shuffle(shuffled);

        // One generator shuffles the training lists of all folds in order. So the lists of the earlier folds are
        // shuffled first.
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
