namespace VideoSim.Models.Synthesis;

/// <summary>
/// One aspect of the content of videos. A video has one or two topics of every aspect. Each topic has two poles, and
/// the video has a place between them. An aspect has two channels per topic, one for each pole; a channel is the
/// amount of its pole.
/// </summary>
/// <param name="First">The aspect's first channel in the latent vector.</param>
/// <param name="Topics">Number of topics.</param>
/// <param name="Share">Its share of the similarity of two videos; the shares add up to 1.</param>
/// <param name="InTitle">Whether titles depend on it.</param>
/// <param name="InFrames">Whether frames depend on it.</param>
internal sealed record Aspect(int First, int Topics, double Share, bool InTitle, bool InFrames)
{
    /// <summary>The subject of a video: in the title and in the frames.</summary>
    internal static readonly Aspect Subject = new(0, 10, 0.4, InTitle: true, InFrames: true);

    /// <summary>The story of a video: only in the title.</summary>
    internal static readonly Aspect Story = new(20, 7, 0.3, InTitle: true, InFrames: false);

    /// <summary>The scene of a video: only in the frames.</summary>
    internal static readonly Aspect Scene = new(34, 7, 0.3, InTitle: false, InFrames: true);

    /// <summary>All aspects, in the order of their channels.</summary>
    internal static readonly Aspect[] All = [Subject, Story, Scene];

    /// <summary>Length of a latent vector.</summary>
    internal const int TotalChannels = 48;

    /// <summary>Two per topic.</summary>
    internal int Channels => 2 * Topics;
}
