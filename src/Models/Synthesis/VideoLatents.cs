namespace VideoSim.Models.Synthesis;

/// <summary>
/// The latent vectors of videos. Videos form families, such as a series or remakes of one story. In each aspect a
/// member either has the family's idea with a random amount of change, or has its own idea. So some pairs are
/// unrelated, some are similar in one aspect, and some are near-duplicates.
/// </summary>
internal sealed class VideoLatents(ulong seed)
{
    /// <summary>Number of videos of a family; they have consecutive numbers.</summary>
    internal const int FamilySize = 6;

    // Probability that a video uses the family's idea of an aspect.
    private const double InheritProbability = 0.75;

    // Probability of a second topic.
    private const double SideProbability = 0.35;

    // Topic k is drawn with weight 1 / (k + TopicFlatness). This is long-tailed, but the rarest topic is frequent
    // enough to be learned.
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
                double change = own.NextUniform();
                idea = Blend(theme, idea, change * change);
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

    // Moves the family's idea towards the video's own idea (amount 0: not at all). Its topics do not change.
    private static Idea Blend(Idea theme, Idea own, double amount) => theme with
    {
        SideWeight = theme.SideWeight + (amount * (own.SideWeight - theme.SideWeight)),
        MainPlace = theme.MainPlace + (amount * (own.MainPlace - theme.MainPlace)),
        SidePlace = theme.SidePlace + (amount * (own.SidePlace - theme.SidePlace)),
    };
}
