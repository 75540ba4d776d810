using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using VideoSim.Engine.Serialization;

namespace VideoSim.Server;

/// <summary>
/// Refuses requests that pages of other sites make a browser send, and requests without the token. A name that
/// somebody else points to this machine is no host of this server.
/// </summary>
internal sealed class RequestGuard(ServerSettings settings)
{
    private const string Scheme = "Bearer";

    /// <summary>Checks the host, and that a page which sends the request is of this server.</summary>
    /// <exception cref="RequestException">It is refused.</exception>
    public void RequireOwnPage(HttpRequest request)
    {
        if (!IsOwn(request.Host))
            throw Forbidden($"{Printable.Quote(request.Host.Value ?? "")} is no host of this server; --allow-host adds a name");
        foreach (string? origin in request.Headers.Origin)
        {
            // The scheme may be that of a proxy.
            if (!Uri.TryCreate(origin, UriKind.Absolute, out var page) || page.Scheme is not ("http" or "https") || !IsSame(page, request.Host))
                throw Forbidden($"requests of pages of {Printable.Quote(origin ?? "")} are not answered");
        }
    }

    /// <summary>Refuses what a page of another site makes a browser load, which has no Origin.</summary>
    /// <exception cref="RequestException">It is refused.</exception>
    public static void RequireOwnSite(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"] == "cross-site")
            throw Forbidden("requests of pages of other sites are not answered");
    }

    /// <summary>Checks the token, if the server has one.</summary>
    /// <exception cref="RequestException">It is missing or wrong.</exception>
    public void RequireToken(HttpRequest request)
    {
        if (settings.Token is not { } token)
            return;
        string[] words = request.Headers.Authorization.Count == 1 ? request.Headers.Authorization.ToString().Split(' ', 2) : [];
        if (words.Length != 2 || !words[0].Equals(Scheme, StringComparison.OrdinalIgnoreCase) || !token.Is(words[1]))
            throw new RequestException(StatusCodes.Status401Unauthorized, "the token is missing or wrong: send it as Authorization: Bearer TOKEN", (HeaderNames.WWWAuthenticate, Scheme));
    }

    private static RequestException Forbidden(string message) => new(StatusCodes.Status403Forbidden, message);

    private static bool IsSame(Uri page, HostString host) => page.Authority.Equals(host.Value, StringComparison.OrdinalIgnoreCase)
        || (page.IsDefaultPort && page.Host.Equals(host.Host, StringComparison.OrdinalIgnoreCase) && (host.Port ?? page.Port) == page.Port);

    // Nobody can point an address to another machine. A server on a loopback address has only loopback addresses.
    private bool IsOwn(HostString host)
    {
        string name = host.Host;
        if (IPAddress.TryParse(name.Trim('[', ']'), out var address))
            return IPAddress.IsLoopback(address) || !IPAddress.IsLoopback(settings.EndPoint.Address);
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase) || settings.Names.Contains(name, StringComparer.OrdinalIgnoreCase);
    }
}
