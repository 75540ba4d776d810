namespace VideoSim.Models.Synthesis;

/// <summary>
/// The content of a video in one aspect: a mixture of two topics, each at a place between its poles.
/// </summary>
/// <param name="MainTopic">The topic with the larger weight.</param>
/// <param name="SideTopic">The other topic.</param>
/// <param name="SideWeight">Weight of the other topic before normalisation, 0 to 1; the main topic has 1.</param>
/// <param name="MainPlace">Place between the main topic's poles, 0 to 1.</param>
/// <param name="SidePlace">Place between the other topic's poles, 0 to 1.</param>
internal readonly record struct Idea(int MainTopic, int SideTopic, double SideWeight, double MainPlace, double SidePlace)
{
    private const double PoleMargin = 0.4;

    /// <summary>
    /// Writes the aspect's channels. They are non-negative and have the length sqrt(share), so the dot product of two
    /// latent vectors is their similarity.
    /// </summary>
    internal void WriteTo(Aspect aspect, Span<double> latent)
    {
        var channels = latent.Slice(aspect.First, aspect.Channels);
        channels.Clear();
        double scale = Math.Sqrt(aspect.Share / (1 + (SideWeight * SideWeight)));
        WriteTopic(channels, MainTopic, MainPlace, scale);
        WriteTopic(channels, SideTopic, SidePlace, scale * SideWeight);
    }

    private static void WriteTopic(Span<double> channels, int topic, double place, double scale)
    {
        // Places stay away from the poles, so videos of one topic are always similar to some degree.
        place = PoleMargin + (1 - 2 * PoleMargin) * place;
        // A point on the quarter circle between the poles. It is computed from the chord, not from an angle: a sine
        // could differ between machines.
        double length = Math.Sqrt((place * place) + ((1 - place) * (1 - place)));
        channels[2 * topic] = scale * (1 - place) / length;
        channels[(2 * topic) + 1] = scale * place / length;
    }
}
