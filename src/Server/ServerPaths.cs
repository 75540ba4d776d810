using System.Reflection;
using System.Text;
using Microsoft.AspNetCore.Http;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;

namespace VideoSim.Server;

/// <summary>A path of the server.</summary>
/// <param name="Methods">The methods that it takes.</param>
/// <param name="IsPublic">Whether it tells nothing, so it needs no token.</param>
/// <param name="IsWork">Whether it counts for the limit of requests.</param>
/// <param name="Answer">Writes the answer.</param>
internal sealed record ServerPath(IReadOnlyList<string> Methods, bool IsPublic, bool IsWork, RequestDelegate Answer);

/// <summary>The paths of the server.</summary>
internal static class ServerPaths
{
    /// <summary>The most videos that one search finds.</summary>
    public const int MostFound = 1000;

    private const int FoundByDefault = 10;

    private const string Top = "top", First = "_a", Second = "_b";

    private static readonly string[] Get = [HttpMethods.Get, HttpMethods.Head], Both = [HttpMethods.Get, HttpMethods.Post];

    /// <summary>Makes the paths, in the order of docs/serve.md.</summary>
    public static IReadOnlyDictionary<string, ServerPath> Of(IVideoSearch search, VideoModel? model, ServerSettings settings, ServerMetrics metrics) => new Dictionary<string, ServerPath>
    {
        ["/search"] = Work(async context =>
        {
            var fields = await RequestFields.Read(context.Request, [.. VideoRequest.Names(), Top], settings.MostBytes, context.RequestAborted);
            int top = fields.Count(Top, FoundByDefault, MostFound);
            var (query, _) = await new VideoRequest(fields, "", search, model).Resolve(context.RequestAborted);
            context.Response.Headers[ServerJson.IndexHeader] = search.Summary.Digest;
            await ServerJson.Write(context, await search.Search(query, top, context.RequestAborted), SearchJson.Readable.SimilarVideos);
        }),
        ["/embed"] = Work(async context =>
        {
            var fields = await RequestFields.Read(context.Request, [.. VideoRequest.Names().Where(static name => name != VideoRequest.Vector)], settings.MostBytes, context.RequestAborted);
            var (query, title) = await new VideoRequest(fields, "", search, model).Resolve(context.RequestAborted);
            context.Response.Headers[ServerJson.IndexHeader] = search.Summary.Digest;
            await ServerJson.Write(context, new EmbeddedVideo(query.Id, title, query.Embedding), ServerJson.Readable.EmbeddedVideo);
        }),
        ["/similarity"] = Work(async context =>
        {
            var fields = await RequestFields.Read(context.Request, [.. VideoRequest.Names(First), .. VideoRequest.Names(Second)], settings.MostBytes, context.RequestAborted);
            var (first, _) = await new VideoRequest(fields, First, search, model).Resolve(context.RequestAborted);
            var (second, _) = await new VideoRequest(fields, Second, search, model).Resolve(context.RequestAborted);
            await ServerJson.Write(context, new VideoSimilarity(PairScoring.Cosine(first.Embedding, second.Embedding)), ServerJson.Readable.VideoSimilarity);
        }),
        ["/index"] = new(Get, IsPublic: false, IsWork: false, context => ServerJson.Write(context, search.Summary.ToJson())),
        ["/metrics"] = new(Get, IsPublic: false, IsWork: false, context =>
        {
            context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
            return metrics.Write(context.Response.Body, context.RequestAborted);
        }),
        ["/healthz"] = new(Get, IsPublic: true, IsWork: false, async context =>
        {
            await search.RequireReady(context.RequestAborted);
            await ServerJson.Write(context, new ServerHealth("ok"), ServerJson.Readable.ServerHealth);
        }),
        ["/openapi.json"] = Resource("openapi.json", "application/json"),
        ["/"] = Resource("index.html", "text/html; charset=utf-8"),
        ["/favicon.svg"] = Resource("favicon.svg", "image/svg+xml"),
        ["/page.css"] = Resource("page.css", "text/css; charset=utf-8"),
        ["/page.js"] = Resource("page.js", "text/javascript; charset=utf-8"),
    };

    private static ServerPath Work(RequestDelegate answer) => new(Both, IsPublic: false, IsWork: true, answer);

    // A page has no secrets, and a browser cannot send a token when it opens one.
    private static ServerPath Resource(string name, string type)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        byte[] bytes = Encoding.UTF8.GetBytes(reader.ReadToEnd());
        return new ServerPath(Get, IsPublic: true, IsWork: false, context =>
        {
            context.Response.ContentType = type;
            context.Response.ContentLength = bytes.Length;
            return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
        });
    }
}
