#if SERVER
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Search;
using VideoSim.Server;

namespace VideoSim.Cli.Commands;

/// <summary><c>serve</c>: similar videos over HTTP.</summary>
internal static class ServeCommand
{
    private const string Address = "127.0.0.1:8080", TokenVariable = "VIDEOSIM_SERVE_TOKEN";

    private const int BytesOfMegabyte = 1_000_000, MostMegabytes = 1000;

    public static Command Create()
    {
        var index = new Option<string[]>("--index") { HelpName = ValueName.Folder, Description = "indexes to search, as if they were one", AllowMultipleArgumentsPerToken = true };
        var shards = new Option<Uri[]>("--shards")
        {
            HelpName = "URL", Description = "instead of --index, other 'videosim serve' processes to search, as if they were one", AllowMultipleArgumentsPerToken = true,
            CustomParser = static result => [.. result.Tokens.Select(token => ShardOf(token.Value, result)).OfType<Uri>()],
        };
        var checkpoint = CommonOptions.TrainedModel();
        (checkpoint.Required, checkpoint.Description) = (false, "the model that computed what is searched, for new videos");
        var listen = new Option<IPEndPoint>("--listen")
        {
            HelpName = "ADDRESS:PORT", Description = $"address to listen on, {Address} if left out; port 0 takes a free one",
            DefaultValueFactory = static _ => IPEndPoint.Parse(Address), CustomParser = static result => EndPointOf(result.Tokens[0].Value, result),
        };
        var tokenFile = new Option<string?>("--token-file") { HelpName = ValueName.File, Description = $"file of the token that requests must bring; otherwise {TokenVariable} of the environment has it" };
        var names = new Option<string[]>("--allow-host") { HelpName = "NAME", Description = "names of this server that requests may use, such as that of a proxy", AllowMultipleArgumentsPerToken = true };
        var queue = CommonOptions.Positive("--queue", "most requests to work on at a time; others get status 429", 256);
        var upload = CommonOptions.Checked(CommonOptions.Positive("--max-upload", "largest body of a request, in MB", 16), static (megabytes, _) =>
        {
            if (megabytes > MostMegabytes)
                throw new DataException($"--max-upload must be at most {MostMegabytes}, not {megabytes}");
        });
        var deviceName = CommonOptions.DeviceName();
        var threads = CommonOptions.Threads("threads of a search and of the cpu device; any number gives the same bits");
        var dictionary = new DictionaryOption();
        var json = CommonOptions.Json();
        var command = new Command("serve", "Answer searches, embeddings and similarities over HTTP, and show a page for them.")
        {
            index, shards, checkpoint, listen, tokenFile, names, queue, upload, deviceName, threads, dictionary.Option, json,
        };
        command.Checks(result =>
        {
            if (result.GetValue(index) is { Length: > 0 } == result.GetValue(shards) is { Length: > 0 })
                result.AddError("serve needs either --index or --shards");
        });
        return command.Does((parsed, console, cancellation) =>
        {
            var token = parsed.GetValue(tokenFile) is { } file ? ServerToken.Read(file)
                : Environment.GetEnvironmentVariable(TokenVariable) is { Length: > 0 } text ? ServerToken.Parse(text, TokenVariable) : null;
            var endPoint = parsed.GetValue(listen)!;
            if (token is null && !IPAddress.IsLoopback(endPoint.Address))
                throw new DataException($"--listen {endPoint}: other machines can reach this address, so requests need a token: --token-file, or {TokenVariable} in the environment");
            using var socket = VideoServer.Bind(endPoint);
            using var rows = parsed.GetValue(index) is { Length: > 0 } folders ? VideoIndex.Open(folders, USearchSupport.Open, console.Progress) : null;
            using var search = rows is not null ? new LocalSearch(rows, parsed.GetValue(threads)) : (IVideoSearch)Wait(ShardedSearch.Open(parsed.GetValue(shards)!, token, console.Progress.Warn));
            var folder = parsed.GetValue(checkpoint) is { } model ? CommonOptions.OpenTrained(model, dictionary.Read(parsed), console) : null;
            if (folder is not null)
                VideoQuery.RequireModelOf(folder, rows?.Source ?? "the index of --shards", search.Summary.Width, search.Summary.Origin, console.Progress);
            var settings = new ServerSettings(endPoint, token, parsed.GetValue(names) ?? [], parsed.GetValue(queue), (long)parsed.GetValue(upload) * BytesOfMegabyte);
            using var device = folder is null ? null : CommonOptions.Open(parsed.GetValue(deviceName)!, parsed.GetValue(threads), console);
            using var embedder = folder is null ? null : new VideoModel(device!, folder, search.Summary.Origin);
            Run(new VideoServer(settings, socket, search, embedder, console.Progress.Warn), embedder, search.Summary, folder?.FolderPath, console, cancellation);
            return CommandLine.Done;
        }, json, waits: "answering the requests that run");
    }

    // The device is used by the thread that opened it, so the model works on this one.
    private static void Run(VideoServer server, VideoModel? model, IndexSummary summary, string? checkpoint, CommandConsole console, CancellationToken cancellation)
    {
        using var answers = UnfinishedWork.State();
        string address = Wait(server.Start());
        console.Progress.Note(string.Create(CultureInfo.InvariantCulture, $"{address}: serving {summary.Videos:N0} {(summary.Videos == 1 ? "video" : "videos")}{(model is null ? ", without a model" : "")}"));
        console.WriteMade(new ServerResult(address, summary.Videos, checkpoint), CliJson.Default.ServerResult);
        using var stopped = new ManualResetEventSlim();
        long cutOff = 0;
        using var stop = cancellation.Register(() => Task.Run(async () =>
        {
            try
            {
                cutOff = await server.Stop();
            }
            finally
            {
                model?.Complete();
                stopped.Set();
            }
        }));
        model?.Answer();
        stopped.Wait(CancellationToken.None); // after the signal
        Wait(server.DisposeAsync().AsTask());
        if (cutOff > 0)
            console.Progress.Warn($"warning: {cutOff} {(cutOff == 1 ? "request" : "requests")} took longer and got no answer");
        console.Progress.Note("stopped");
    }

    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private static void Wait(Task task) => task.GetAwaiter().GetResult();

    private static IPEndPoint? EndPointOf(string text, ArgumentResult result)
    {
        int colon = text.LastIndexOf(':');
        string host = colon < 0 ? "" : text[..colon].Replace("localhost", IPAddress.Loopback.ToString(), StringComparison.OrdinalIgnoreCase);
        // IPAddress also takes numbers such as 127.1, and IPv6 without brackets has colons of its own.
        if (IPAddress.TryParse(host, out var address) && host == (address.AddressFamily == AddressFamily.InterNetwork ? address.ToString() : $"[{address}]")
            && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return new IPEndPoint(address, port);
        }
        result.AddError($"--listen {Printable.OneLine(text)}: an address and a port are needed, such as {Address} or [::1]:8080");
        return null;
    }

    private static Uri? ShardOf(string text, ArgumentResult result)
    {
        if (Uri.TryCreate(text.EndsWith('/') ? text : text + "/", UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address is { UserInfo: "", Query: "", Fragment: "" })
            return address;
        result.AddError($"--shards {Printable.OneLine(text)}: an address such as http://10.0.0.1:8080 is needed");
        return null;
    }
}
#endif
