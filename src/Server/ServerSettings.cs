using System.Net;

namespace VideoSim.Server;

/// <summary>Settings of a server.</summary>
/// <param name="EndPoint">Address and port; port 0 for any free one.</param>
/// <param name="Token">What requests must bring; null on a loopback address alone.</param>
/// <param name="Names">Names of the server that a request may use as its host, beside addresses and localhost.</param>
/// <param name="Queue">The most requests that are worked on at a time; others get 429.</param>
/// <param name="MostBytes">The largest body of a request.</param>
public sealed record ServerSettings(IPEndPoint EndPoint, ServerToken? Token, IReadOnlyList<string> Names, int Queue, long MostBytes)
{
    /// <summary>How long running requests may take after a signal.</summary>
    public TimeSpan TimeToStop { get; init; } = TimeSpan.FromSeconds(10);
}
