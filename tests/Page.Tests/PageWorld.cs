using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Playwright;
using Xunit;

namespace VideoSim.Page.Tests;

/// <summary>A small model, its index, two servers of it, and a browser.</summary>
public sealed class PageWorld : IAsyncLifetime
{
    /// <summary>The token of the second server.</summary>
    public const string Token = "0123456789abcdef";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("videosim-page-");
    private readonly List<Process> _servers = [];
    private IPlaywright? _playwright;

    /// <summary>Root of the repository.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(File())!, "..", ".."));

    public IBrowser Browser { get; private set; } = null!;

    public IReadOnlyList<string> Ids { get; private set; } = [];

    public string Address { get; private set; } = "";

    public string AddressWithToken { get; private set; } = "";

    /// <summary>The address of a page that is not the server's.</summary>
    public string OtherSite { get; private set; } = "";

    /// <summary>A <c>.npy</c> file of frames.</summary>
    public string Frames => Path.Combine(_folder.FullName, "new.npy");

    public async ValueTask InitializeAsync()
    {
        string data = Under("data"), model = Under("mix"), index = Under("a.index");
        await Run("data", "synth", "--output-dir", data, "--seed", "1", "--videos", "80", "--pairs", "66", "--pair-videos", "24", "--test-videos", "30", "--tags", "48");
        await Run("pretrain", "--model", "mix", "--preset", "micro", "--data", data, "--output-dir", model);
        await Run("embed", "--checkpoint", model, "--records", Path.Combine(data, "test_a"), "--output", Under("a.zip"));
        await Run("index", "build", "--embeddings", Under("a.zip"), "--records", Path.Combine(data, "test_a"), "--output", index);
        Ids = await System.IO.File.ReadAllLinesAsync(Path.Combine(index, "ids.txt"));
        const int FrameWidth = 1536, FrameCount = 3;
        string header = $"{{'descr': '<f2', 'fortran_order': False, 'shape': ({FrameCount}, {FrameWidth}), }}".PadRight(117) + "\n";
        byte[] values = new byte[FrameCount * FrameWidth * 2];
        Array.Fill(values, (byte)0x3c);
        await System.IO.File.WriteAllBytesAsync(Frames, [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. values]);
        Address = await Serve(index, model, []);
        AddressWithToken = await Serve(index, model, new() { ["VIDEOSIM_SERVE_TOKEN"] = Token });
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        OtherSite = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/";
        listener.Stop();
        _playwright = await Playwright.CreateAsync();
        // Chromium refuses its sandbox to root. The pages are our own.
        Browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = "/usr/bin/chromium", Args = ["--no-sandbox"] });
    }

    public async ValueTask DisposeAsync()
    {
        await Browser.CloseAsync();
        _playwright?.Dispose();
        foreach (var server in _servers)
        {
            server.Kill();
            server.Dispose();
        }
        _folder.Delete(recursive: true);
    }

    private static string File([CallerFilePath] string path = "") => path;

    private string Under(string name) => Path.Combine(_folder.FullName, name);

    private static ProcessStartInfo Command(params string[] arguments) =>
        new("dotnet", [Path.Combine(Root, "src", "Cli", "bin", "Release", "net10.0", "videosim.dll"), .. arguments]) { RedirectStandardError = true };

    private static async Task Run(params string[] arguments)
    {
        using var process = Process.Start(Command([.. arguments, "--quiet"]))!;
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal("", error);
    }

    private async Task<string> Serve(string index, string model, Dictionary<string, string> environment)
    {
        var command = Command("serve", "--index", index, "--checkpoint", model, "--listen", "127.0.0.1:0");
        foreach (var (name, value) in environment)
            command.Environment[name] = value;
        var process = Process.Start(command)!;
        _servers.Add(process);
        string line = (await process.StandardError.ReadLineAsync())!;
        Assert.StartsWith("http://", line, StringComparison.Ordinal);
        return line[..line.IndexOf(": serving", StringComparison.Ordinal)];
    }
}
