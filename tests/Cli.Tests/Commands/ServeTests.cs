using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>serve</c>: what it refuses before it listens, and its end.</summary>
[Collection(nameof(CommandTests))]
public sealed class ServeTests(CommandWorld world)
{
    [Theory]
    [InlineData("serve needs either --index or --shards", "serve")]
    [InlineData("serve needs either --index or --shards", "serve", "--index", "i", "--shards", "http://127.0.0.1:1")]
    [InlineData("--listen 8080: an address and a port are needed, such as 127.0.0.1:8080 or [::1]:8080", "serve", "--index", "i", "--listen", "8080")]
    [InlineData("--listen 127.0.0.1: an address and a port", "serve", "--index", "i", "--listen", "127.0.0.1")]
    [InlineData("--listen ::1:80: an address and a port", "serve", "--index", "i", "--listen", "::1:80")]
    [InlineData("--listen 127.1:80: an address and a port", "serve", "--index", "i", "--listen", "127.1:80")]
    [InlineData("--listen example.com:80: an address and a port", "serve", "--index", "i", "--listen", "example.com:80")]
    [InlineData("--listen 127.0.0.1:65536: an address and a port", "serve", "--index", "i", "--listen", "127.0.0.1:65536")]
    [InlineData("--shards 10.0.0.1:8080: an address such as http://10.0.0.1:8080 is needed", "serve", "--shards", "10.0.0.1:8080")]
    [InlineData("--shards file:///etc: an address such as", "serve", "--shards", "file:///etc")]
    [InlineData("--queue must be positive, not 0", "serve", "--index", "i", "--queue", "0")]
    [InlineData("--max-upload must be at most 1000, not 1001", "serve", "--index", "i", "--max-upload", "1001")]
    public void OptionsThatDoNotFit_AreRefused(string complaint, params string[] command) => Shell.Run(command).AssertFailed(2, complaint);

    [Fact]
    public void Serve_WhatCannotWork_IsRefusedBeforeItListens()
    {
        var (index, last) = (Index(), Path.Combine(world.CopyOfRun(), "checkpoint-1"));
        Shell.Run("serve", "--index", index, "--listen", "0.0.0.0:0").AssertFailed(1, "--listen 0.0.0.0:0: other machines can reach this address, so requests need a token: --token-file, or VIDEOSIM_SERVE_TOKEN in the environment");
        Shell.Run("serve", "--index", index, "--listen", "127.0.0.1:0", "--checkpoint", last).AssertFailed(1, $"{last}: has embeddings of mix (checkpoint ", $"but {index} has those of mix (checkpoint ");
        string token = world.New();
        File.WriteAllText(token, "short\n");
        Shell.Run("serve", "--index", index, "--listen", "0.0.0.0:0", "--token-file", token).AssertFailed(1, $"{token}: a token has 16 to 512 letters");
        Shell.Run("serve", "--index", index, "--token-file", token + "x").AssertFailed(1, token + "x");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        // Before the index is read.
        Shell.Run("serve", "--index", world.New(), "--listen", $"{listener.LocalEndpoint}").AssertFailed(1, $"--listen {listener.LocalEndpoint}: the port is taken");
    }

    [Fact]
    public async Task Serve_ASignal_EndsItWithoutAnError()
    {
        ChildProcess.RequireSignal("TERM");
        string index = Index();
        using var process = ChildProcess.StartAloud("serve", "--index", index, "--checkpoint", world.Pretrained, "--listen", "127.0.0.1:0", "--threads", "1", "--json");
        try
        {
            await RequireEndsWell(process);
        }
        finally
        {
            process.Kill();
        }
    }

    private static async Task RequireEndsWell(Process process)
    {
        string line = (await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken))!;
        var address = Regex.Match(line, $"^(http://127.0.0.1:[0-9]+): serving {TinyData.TestVideos} videos$");
        Assert.True(address.Success, line);
        Assert.StartsWith($"{{\"address\":\"{address.Groups[1].Value}\",\"videos\":{TinyData.TestVideos},\"checkpoint\":\"", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        using var client = new HttpClient { BaseAddress = new Uri(address.Groups[1].Value) };
        using var answer = await client.PostAsync("/search", Server.RunningServer.Video(NumpyFile.Of(2, TinyData.FrameWidth), "t"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var clock = Stopwatch.StartNew();
        ChildProcess.Send("TERM", process.Id);
        Assert.Equal("stopped\n", await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10));
    }

    private string Index()
    {
        string file = world.New() + ".zip", index = world.New();
        Shell.Run(CommandWorld.Embed(world.Pretrained, Path.Combine(world.Data, "test_b"), file)).AssertDone();
        Shell.Run("index", "build", "--embeddings", file, "--output", index).AssertDone();
        return index;
    }
}
