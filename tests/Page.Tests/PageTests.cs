using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Xunit;

namespace VideoSim.Page.Tests;

/// <summary>The page of <c>videosim serve</c> in a browser. Screenshots stay in artifacts/page.</summary>
public sealed partial class PageTests(PageWorld world) : IClassFixture<PageWorld>, IAsyncLifetime
{
    private readonly List<string> _problems = [];
    private IPage _page = null!;

    private ILocator Rows => _page.Locator("#found tbody tr");

    public async ValueTask InitializeAsync()
    {
        _page = await world.Browser.NewPageAsync();
        _page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
                _problems.Add(message.Text);
        };
        _page.PageError += (_, error) => _problems.Add(error);
        _page.Dialog += (_, dialog) => _problems.Add($"dialog: {dialog.Message}");
        _page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith("http://127.0.0.1:", StringComparison.Ordinal))
                _problems.Add(request.Url);
        };
    }

    public async ValueTask DisposeAsync() => await _page.CloseAsync();

    [Fact]
    public async Task Id_GivesTenVideos()
    {
        await _page.GotoAsync(world.Address);
        await Assertions.Expect(_page.Locator("#summary")).ToHaveTextAsync($"{world.Ids.Count} videos, embeddings of mix");
        await _page.GetByLabel("Id").FillAsync(world.Ids[0]);
        await _page.Locator("#id-form button").ClickAsync();
        await Assertions.Expect(Rows).ToHaveCountAsync(10);
        Assert.Matches(Cosine(), await Rows.First.Locator("td").First.InnerTextAsync());
        await Assertions.Expect(_page.Locator("#query")).ToContainTextAsync(world.Ids[0]);
        await Screenshot("id");

        // A found video is the next query.
        string next = await Rows.First.Locator("a").InnerTextAsync();
        await Rows.First.Locator("a").ClickAsync();
        await Assertions.Expect(_page.Locator("#query")).ToContainTextAsync(next);
        await Assertions.Expect(Rows).ToHaveCountAsync(10);
        await _page.GoBackAsync();
        await Assertions.Expect(_page.Locator("#query")).ToContainTextAsync(world.Ids[0]);
        Assert.Empty(_problems);
    }

    [Fact]
    public async Task TitleAndFrames_GiveTenVideos()
    {
        await _page.GotoAsync(world.Address);
        await _page.GetByLabel("Title").FillAsync("a cat sleeps");
        await _page.Locator("#frames").SetInputFilesAsync(world.Frames);
        await _page.Locator("#video-form button").ClickAsync();
        await Assertions.Expect(Rows).ToHaveCountAsync(10);
        await Assertions.Expect(_page.Locator("#query")).ToHaveTextAsync("a cat sleeps");
        await Screenshot("video");
        Assert.Empty(_problems);
    }

    [Fact]
    public async Task WhatIsWrong_IsSaid()
    {
        await _page.GotoAsync(world.Address);
        await _page.GetByLabel("Id").FillAsync("none");
        await _page.Locator("#id-form button").ClickAsync();
        await Assertions.Expect(_page.Locator("#message")).ToHaveTextAsync("there is no id 'none'");
        await Assertions.Expect(_page.Locator("#found")).ToBeHiddenAsync();
        await _page.Locator("#frames").SetInputFilesAsync(new FilePayload { Name = "x.npy", MimeType = "application/octet-stream", Buffer = [1, 2, 3] });
        await _page.Locator("#video-form button").ClickAsync();
        await Assertions.Expect(_page.Locator("#message")).ToHaveTextAsync("frames: is not a .npy file");
        await Screenshot("wrong");
        // The browser itself reports the two statuses.
        Assert.All(_problems, static problem => Assert.Contains("Failed to load resource", problem, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Title_WithMarkup_IsShownAsText()
    {
        const string Markup = "<img src=x onerror=alert(1)> & <b>\"'";
        await _page.RouteAsync("**/search?*", static route => route.FulfillAsync(new RouteFulfillOptions { Json = new { id = Markup, title = Markup, similar = new[] { new { id = Markup, cosine = 0.5, title = Markup } } } }));
        await _page.GotoAsync($"{world.Address}/#{world.Ids[1]}");
        await Assertions.Expect(_page.Locator("#query")).ToHaveTextAsync($"{world.Ids[1]}: {Markup}");
        await Assertions.Expect(Rows).ToHaveTextAsync([$"0.5000{Markup}{Markup}"]);
        Assert.Equal(0, await _page.Locator("#found img, #found b").CountAsync());
        await Screenshot("markup");
        Assert.Empty(_problems);
    }

    [Fact]
    public async Task Token_IsAskedForAndKept()
    {
        await _page.GotoAsync(world.AddressWithToken);
        await Assertions.Expect(_page.Locator("#token-form")).ToBeVisibleAsync();
        await _page.GetByLabel("Id").FillAsync(world.Ids[0]);
        await _page.Locator("#id-form button").ClickAsync();
        await Assertions.Expect(_page.Locator("#message")).ToContainTextAsync("the token is missing or wrong");
        await _page.GetByLabel("Token of this server").FillAsync(PageWorld.Token);
        await _page.Locator("#token-form button").ClickAsync();
        await Assertions.Expect(Rows).ToHaveCountAsync(10);
        await Assertions.Expect(_page.Locator("#token-form")).ToBeHiddenAsync();
        await Screenshot("token");
    }

    // A page of another address of this machine can neither read nor show the server.
    [Fact]
    public async Task PageOfAnotherSite_GetsNothing()
    {
        using var other = new HttpListener { Prefixes = { world.OtherSite } };
        other.Start();
        var opening = _page.GotoAsync(world.OtherSite);
        var context = await other.GetContextAsync();
        context.Response.ContentType = "text/html";
        context.Response.Close("<!doctype html><title>x</title>"u8.ToArray(), willBlock: true);
        await opening;
        Assert.Equal("refused", await _page.EvaluateAsync<string>($"fetch('{world.Address}/index').then(() => 'read', () => 'refused')"));
        Assert.Equal("refused", await _page.EvaluateAsync<string>($"fetch('{world.Address}/search', {{ method: 'POST', body: new FormData() }}).then(() => 'read', () => 'refused')"));
        Assert.Contains(_problems, static problem => problem.Contains("blocked by CORS policy", StringComparison.Ordinal));
    }

    private async Task Screenshot(string name) => await _page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(PageWorld.Root, "artifacts", "page", $"{name}.png"), FullPage = true });

    [GeneratedRegex(@"^0\.\d{4}$")]
    private static partial Regex Cosine();
}
