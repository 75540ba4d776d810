using VideoSim.Models.Metrics;

namespace VideoSim.Models.Synthesis;

/// <summary>Labelled pairs over the videos of one set.</summary>
/// <param name="Pairs">Positions of both videos within the set.</param>
/// <param name="NoiseFree">Similarity of the latent vectors, 0 to 1.</param>
/// <param name="Labels">Labels of a simulated annotator: noisy, clipped to 0 to 1, in hundredths.</param>
/// <param name="BestPossibleSpearman">Spearman between noise-free similarities and labels.</param>
internal sealed record LabelledPairs(IReadOnlyList<(int Left, int Right)> Pairs, double[] NoiseFree, double[] Labels, double BestPossibleSpearman);

/// <summary>
/// Chooses pairs and labels them. Similarities range from unrelated to near-duplicate, and videos occur in several
/// pairs. The annotator's noise is set to the size that makes the best possible score <see cref="TargetSpearman"/>.
/// </summary>
internal sealed class PairSynthesizer(ulong seed)
{
    private const double TargetSpearman = 0.94;
    private const int Candidates = 16, Bisections = 30;

    /// <summary>Draws pairs.</summary>
    /// <param name="first">Number of the set's first video.</param>
    /// <param name="latents">Latent vector of each video of the set.</param>
    /// <param name="count">Pairs to draw.</param>
    internal LabelledPairs Draw(ulong first, double[][] latents, int count)
    {
        var taken = new HashSet<(int, int)>();
        var pairs = new List<(int, int)>();
        for (ulong attempt = 0; pairs.Count < count; attempt++)
        {
            int left = (int)(attempt % (ulong)latents.Length);
            if (Partner(left, first, latents, taken, new CounterRandom(seed, Purpose.Pairs, first + attempt)) is not { } right)
                continue;
            taken.Add((Math.Min(left, right), Math.Max(left, right)));
            pairs.Add((left, right));
        }
        double[] noiseFree = [.. pairs.Select(pair => VideoLatents.Similarity(latents[pair.Item1], latents[pair.Item2]))];
        double[] noise = [.. pairs.Select((_, i) => new CounterRandom(seed, Purpose.Annotation, first + (ulong)i).NextNormal())];
        double low = 0, high = 1;
        for (int i = 0; i < Bisections; i++)
        {
            double middle = (low + high) / 2;
            (low, high) = Score(middle) > TargetSpearman ? (middle, high) : (low, middle);
        }
        return new LabelledPairs(pairs, noiseFree, Labels(low), Score(low));

        double[] Labels(double sigma) => [.. noiseFree.Select((similarity, i) => Math.Round(Math.Clamp(similarity + sigma * noise[i], 0, 1), 2))];
        double Score(double sigma) => Spearman.Correlation(noiseFree, Labels(sigma)) ?? 0;
    }

    // Of the family and some random videos, the one whose similarity is closest to a random goal in [0, 1).
    private static int? Partner(int left, ulong first, double[][] latents, HashSet<(int, int)> taken, CounterRandom random)
    {
        double goal = random.NextUniform(), nearest = double.MaxValue;
        int? partner = null;
        int family = (int)((first + (ulong)left) / VideoLatents.FamilySize * VideoLatents.FamilySize - first);
        for (int member = family; member < family + VideoLatents.FamilySize; member++)
            Try(member);
        for (int i = 0; i < Candidates; i++)
            Try(random.NextBelow(latents.Length));
        return partner;

        void Try(int right)
        {
            if (right < 0 || right >= latents.Length || right == left || taken.Contains((Math.Min(left, right), Math.Max(left, right))))
                return;
            double distance = Math.Abs(VideoLatents.Similarity(latents[left], latents[right]) - goal);
            if (distance < nearest)
                (nearest, partner) = (distance, right);
        }
    }
}
