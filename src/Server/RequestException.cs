using Microsoft.AspNetCore.Http;

namespace VideoSim.Server;

/// <summary>A request that is refused.</summary>
/// <param name="status">Status of the answer, 4xx or 503.</param>
/// <param name="message">Why, in one line for the client.</param>
/// <param name="headers">Further headers of the answer.</param>
public sealed class RequestException(int status, string message, params (string Name, string Value)[] headers) : Exception(message)
{
    /// <summary>Status of the answer.</summary>
    public int Status => status;

    /// <summary>Further headers of the answer.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers => headers;

    /// <summary>A request with wrong or missing fields.</summary>
    public static RequestException Bad(string message) => new(StatusCodes.Status400BadRequest, message);
}
