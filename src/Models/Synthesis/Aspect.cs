namespace VideoSim.Models.Synthesis;

/// <summary>
/// One part of what a video is about. A video has one or two topics of every aspect, and within a topic it stands
/// somewhere between the topic's two poles; the channels (two per topic, one per pole) hold how much there is of each pole.
/// </summary>
/// <param name="First">The aspect's first channel in the latent vector.</param>
/// <param name="Topics">How many topics it has.</param>
/// <param name="Share">Its share of the similarity of two videos; the shares add up to 1.</param>
/// <param name="InTitle">Whether titles tell of it.</param>
/// <param name="InFrames">Whether frames show it.</param>
internal sealed record Aspect(int First, int Topics, double Share, bool InTitle, bool InFrames)
{
    /// <summary>What the video is of: in the title and in the frames.</summary>
    internal static readonly Aspect Subject = new(0, 10, 0.4, InTitle: true, InFrames: true);

    /// <summary>What it tells: in the title alone.</summary>
    internal static readonly Aspect Story = new(20, 7, 0.3, InTitle: true, InFrames: false);

    /// <summary>Where it plays: in the frames alone.</summary>
    internal static readonly Aspect Scene = new(34, 7, 0.3, InTitle: false, InFrames: true);

    /// <summary>All aspects, in the order of their channels.</summary>
    internal static readonly Aspect[] All = [Subject, Story, Scene];

    /// <summary>Length of a latent vector.</summary>
    internal const int TotalChannels = 48;

    /// <summary>Two per topic.</summary>
    internal int Channels => 2 * Topics;
}
