using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Net.Http.Headers;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Server;

/// <summary>Answers requests over HTTP (docs/serve.md).</summary>
public sealed class VideoServer : IAsyncDisposable
{
    // What a client sends slower than this is not waited for.
    private static readonly TimeSpan TimeForHeaders = TimeSpan.FromSeconds(10);

    private readonly ServerSettings _settings;
    private readonly IReadOnlyDictionary<string, ServerPath> _paths;
    private readonly RequestGuard _guard;
    private readonly ServerMetrics _metrics;
    private readonly ConcurrencyLimiter _running;
    private readonly Action<string> _warn;
    private readonly WebApplication _application;

    /// <summary>Makes a server.</summary>
    /// <param name="settings">Its settings.</param>
    /// <param name="socket">A socket of <see cref="Bind"/>.</param>
    /// <param name="search">Answers searches.</param>
    /// <param name="model">Computes embeddings; null for a server without a model.</param>
    /// <param name="warn">
    /// Receives a line for each failure that is no fault of a request. Any thread may call it.
    /// </param>
    public VideoServer(ServerSettings settings, Socket socket, IVideoSearch search, VideoModel? model, Action<string> warn)
    {
        (_settings, _warn, _guard) = (settings, warn, new RequestGuard(settings));
        _running = new ConcurrencyLimiter(new ConcurrencyLimiterOptions { PermitLimit = settings.Queue, QueueLimit = 0 });
        _metrics = new ServerMetrics(search.Summary, settings, () => Running);
        _paths = ServerPaths.Of(search, model, settings, _metrics);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<IHostLifetime, OfCommand>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = settings.TimeToStop);
        builder.Services.Configure<SocketTransportOptions>(options => options.CreateBoundListenSocket = _ => socket);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = settings.MostBytes;
            options.Limits.RequestHeadersTimeout = TimeForHeaders;
            options.Listen(settings.EndPoint, static listen => listen.Protocols = HttpProtocols.Http1);
        });
        _application = builder.Build();
        _application.Run(Handle);
    }

    private long Running => _settings.Queue - _running.GetStatistics()!.CurrentAvailablePermits;

    /// <summary>Reserves an address, so that a port which is taken is known before the index is read.</summary>
    /// <exception cref="DataException">The address cannot be used.</exception>
    public static Socket Bind(IPEndPoint endPoint)
    {
        try
        {
            return SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
        }
        catch (SocketException failure)
        {
            throw Unusable(endPoint, failure);
        }
    }

    /// <summary>Begins to listen.</summary>
    /// <returns>The address of the server.</returns>
    /// <exception cref="DataException">The port is taken.</exception>
    public async Task<string> Start()
    {
        try
        {
            await _application.StartAsync();
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            throw Unusable(_settings.EndPoint, failure);
        }
        return _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
    }

    /// <summary>Takes no more requests, and waits until those that run are answered, for a limited time.</summary>
    /// <returns>The number of requests that were cut off.</returns>
    public async Task<long> Stop()
    {
        try
        {
            await _application.StopAsync();
        }
        catch (OperationCanceledException)
        {
            // Their connections are closed.
        }
        return Running;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _running.Dispose();
    }

    /// <summary>Answers a request.</summary>
    internal async Task Handle(HttpContext context)
    {
        long begin = Stopwatch.GetTimestamp();
        string path = _paths.ContainsKey(context.Request.Path) ? context.Request.Path! : "other";
        SetHeaders(context.Response.Headers);
        try
        {
            await Answer(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return; // nobody reads an answer
        }
        catch (Exception failure)
        {
            await Refuse(context, Refusal(context.Request, failure));
        }
        _metrics.Count(path, context.Response.StatusCode, Stopwatch.GetElapsedTime(begin));
    }

    private async Task Answer(HttpContext context)
    {
        var request = context.Request;
        _guard.RequireOwnPage(request);
        if (!_paths.TryGetValue(request.Path, out var path))
            throw new RequestException(StatusCodes.Status404NotFound, $"there is no {Printable.Quote(request.Path)}; the paths are {string.Join(", ", _paths.Keys)}");
        if (!path.Methods.Contains(request.Method))
            throw new RequestException(StatusCodes.Status405MethodNotAllowed, $"{request.Path} takes {string.Join(" and ", path.Methods)}", (HeaderNames.Allow, string.Join(", ", path.Methods)));
        if (!path.IsPublic)
        {
            RequestGuard.RequireOwnSite(request);
            _guard.RequireToken(request);
        }
        if (!path.IsWork)
        {
            await path.Answer(context);
            return;
        }
        // Before the body is read: it takes memory.
        using var place = _running.AttemptAcquire();
        if (!place.IsAcquired)
            throw new RequestException(StatusCodes.Status429TooManyRequests, $"{_settings.Queue} requests are worked on; ask again", (HeaderNames.RetryAfter, "1"));
        await path.Answer(context);
    }

    private RequestException Refusal(HttpRequest request, Exception failure)
    {
        switch (failure)
        {
            case RequestException refusal:
                return refusal;
            case Microsoft.AspNetCore.Http.BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                return new RequestException(StatusCodes.Status413PayloadTooLarge, $"the body has more than {_settings.MostBytes} bytes");
            case Microsoft.AspNetCore.Http.BadHttpRequestException wrong:
                return new RequestException(wrong.StatusCode, Printable.OneLine(wrong.Message));
            case ShardException shard:
                _warn($"warning: {shard.Message}");
                return new RequestException(StatusCodes.Status503ServiceUnavailable, shard.Message, (HeaderNames.RetryAfter, "1"));
            default:
                // The message may name files of this machine.
                _warn($"warning: {request.Path} failed: {failure.GetType().Name}: {Printable.Line(failure.Message)}");
                return new RequestException(StatusCodes.Status500InternalServerError, "the server failed; its own messages say why");
        }
    }

    private static async Task Refuse(HttpContext context, RequestException refusal)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }
        context.Response.StatusCode = refusal.Status;
        foreach (var (name, value) in refusal.Headers)
            context.Response.Headers[name] = value;
        await ServerJson.Write(context, new ServerError(refusal.Message), ServerJson.Readable.ServerError);
    }

    // No other site may show, load or read anything. The page has its own scripts and styles alone.
    private static void SetHeaders(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
    }

    private static DataException Unusable(IPEndPoint endPoint, Exception failure) =>
        new($"--listen {endPoint}: {(failure is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } || failure.InnerException is AddressInUseException ? "the port is taken" : Printable.OneLine(failure.Message))}", failure);

    // Signals are heard by the command.
    private sealed class OfCommand : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
