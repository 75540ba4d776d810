namespace VideoSim.Models.Synthesis;

/// <summary>
/// The latent vectors of videos. Videos come in families (a series, a story told again): in each aspect a member either
/// takes over the family's idea, more or less changed, or has one of its own. So pairs reach from unrelated over those
/// alike in one aspect to near-duplicates.
/// </summary>
internal sealed class VideoLatents(ulong seed)
{
    /// <summary>Videos of one family have consecutive numbers.</summary>
    internal const int FamilySize = 6;

    // Chance that a video takes over the family's idea of an aspect.
    private const double InheritProbability = 0.75;

    // Chance that a second topic is there at all.
    private const double SideProbability = 0.35;

    // Topic k is drawn with weight 1 / (k + TopicFlatness): long-tailed, yet the rarest still occurs often enough to be learned.
    private const int TopicFlatness = 6;

    /// <summary>Writes the latent vector of a video: non-negative, of length 1.</summary>
    internal void Write(ulong video, Span<double> latent)
    {
        var own = new CounterRandom(seed, Purpose.Idea, 2 * video);
        var family = new CounterRandom(seed, Purpose.Idea, (2 * (video / FamilySize)) + 1);
        foreach (var aspect in Aspect.All)
        {
            var idea = Draw(ref own, aspect);
            var theme = Draw(ref family, aspect);
            if (own.NextBool(InheritProbability))
            {
                double strangeness = own.NextUniform();
                idea = Blend(theme, idea, strangeness * strangeness);
            }

            idea.WriteTo(aspect, latent);
        }
    }

    /// <summary>The similarity of two latent vectors, 0 to 1, and 1 only for equal ones.</summary>
    internal static double Similarity(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        double sum = 0.0;
        for (int i = 0; i < left.Length; i++)
            sum += left[i] * right[i];

        return Math.Clamp(sum, 0, 1);
    }

    private static Idea Draw(ref CounterRandom random, Aspect aspect)
    {
        int main = DrawTopic(ref random, aspect.Topics);
        int side = DrawTopic(ref random, aspect.Topics - 1);
        double sideWeight = random.NextBool(SideProbability) ? random.NextUniform() : 0;
        return new Idea(main, side < main ? side : side + 1, sideWeight, random.NextUniform(), random.NextUniform());
    }

    private static int DrawTopic(ref CounterRandom random, int topics)
    {
        double total = 0.0;
        for (int k = 0; k < topics; k++)
            total += 1.0 / (k + TopicFlatness);

        double left = random.NextUniform() * total;
        int topic = 0;
        while (topic < topics - 1 && (left -= 1.0 / (topic + TopicFlatness)) >= 0)
            topic++;

        return topic;
    }

    // The family's idea moved a little (amount 0: equal) towards the own one, without changing its topics.
    private static Idea Blend(Idea theme, Idea own, double amount) => theme with
    {
        SideWeight = theme.SideWeight + (amount * (own.SideWeight - theme.SideWeight)),
        MainPlace = theme.MainPlace + (amount * (own.MainPlace - theme.MainPlace)),
        SidePlace = theme.SidePlace + (amount * (own.SidePlace - theme.SidePlace)),
    };
}
