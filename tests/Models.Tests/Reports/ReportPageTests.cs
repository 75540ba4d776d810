using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using VideoSim.Models.Progress;
using VideoSim.Models.Reports;
using Xunit;

namespace VideoSim.Models.Tests.Reports;

/// <summary>The page about 72 artificial runs.</summary>
public sealed class ArtificialReproduction : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("videosim-test-");

    public ArtificialReproduction()
    {
        ArtificialRuns.WriteReproduction(Folder, steps: 400);
        ArtificialRuns.Append(Path.Combine(Folder, "mix", "fold-1"), "metrics.jsonl", "{\"step\":400,\"rollback\":1,\"to\":200,\"reason\":\"<b>not</b> finite\"}\n");
        Data = ReportBuilder.Build([Folder], null, IProgressSink.None, CancellationToken.None);
        Page = ReportPage.Of(Data);
    }

    public string Folder => Path.Combine(_root.FullName, "repro <1> & \"more\"");

    public ReportData Data { get; }

    public string Page { get; }

    public void Dispose() => _root.Delete(recursive: true);
}

public sealed partial class ReportPageTests(ArtificialReproduction runs) : IClassFixture<ArtificialReproduction>
{
    [Fact]
    public void Page_Of72Runs_IsOneSmallFileWithoutReferences()
    {
        Assert.Equal(72, runs.Data.Runs.Count);
        Assert.InRange(Encoding.UTF8.GetByteCount(runs.Page), 100_000, 1_000_000);
        Assert.DoesNotContain("http", runs.Page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("url(", runs.Page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<script", runs.Page, StringComparison.OrdinalIgnoreCase);
        // Only places of the page itself.
        Assert.All(References().Matches(runs.Page), static match => Assert.StartsWith("\"#", match.Groups[1].Value, StringComparison.Ordinal));
        Assert.All(runs.Data.Curves.SelectMany(static figure => figure.Lines), static line => Assert.InRange(line.Steps.Count, 2, 200));
    }

    [Fact]
    public void Page_MadeAgain_HasTheSameBytes()
    {
        var again = ReportBuilder.Build([runs.Folder], null, IProgressSink.None, CancellationToken.None);
        Assert.Equal(runs.Page, ReportPage.Of(again));
        Assert.Equal(Json(runs.Data), Json(again));
    }

    [Fact]
    public void Page_HasAllParts_Landmarks_AndHeadersWithScope()
    {
        var page = Parse();
        Assert.Equal(["standing", "curves", "folds", "runs", "ensemble", "reliability", "pairs", "health", "time", "provenance", "advice"], page.Descendants("section").Select(static part => part.Attribute("id")!.Value));
        foreach (string landmark in new[] { "header", "nav", "main", "footer", "h1" })
            Assert.Single(page.Descendants(landmark));
        Assert.All(page.Descendants("th"), static header => Assert.NotNull(header.Attribute("scope")));
        Assert.All(page.Descendants("figure"), static figure => Assert.Single(figure.Elements("figcaption")));
        Assert.All(page.Descendants("svg"), static picture => Assert.NotEmpty(picture.Attribute("aria-label")!.Value));
        Assert.All(page.Descendants("table").SelectMany(static table => table.Descendants("tbody").Elements("tr").Select(row => (table.Descendants("thead").Elements("tr").Elements().Count(), row.Elements().Count()))), static row => Assert.Equal(row.Item1, row.Item2));
    }

    [Fact]
    public void Page_HostileTexts_AreText()
    {
        Assert.Contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;quotes&#39; \\u202eabc \\u0007 中文标题", runs.Page, StringComparison.Ordinal);
        Assert.DoesNotContain('\u202E', runs.Page);
        Assert.DoesNotContain(runs.Page, static c => char.IsControl(c) && c != '\n');
        Assert.Contains("&lt;b&gt;not&lt;/b&gt; finite", runs.Page, StringComparison.Ordinal);
        Assert.Contains("repro &lt;1&gt; &amp; &quot;more&quot;", runs.Page, StringComparison.Ordinal);
    }

    // Every number of the page is one of the JSON, as Figure writes it. The marks of axes are no numbers of a run.
    [Fact]
    public void Page_Numbers_AreThoseOfTheJson()
    {
        using var json = JsonDocument.Parse(Json(runs.Data));
        var known = NumbersOf(json.RootElement).SelectMany(Figure.AllTexts).SelectMany(static text => Numbers().Matches(text)).Select(static match => match.Value).ToHashSet();
        known.Add("256"); // of SHA-256
        string[] shown = [.. Parse().Descendants("body").DescendantNodes().OfType<XText>().Where(IsFigure).SelectMany(static text => Numbers().Matches(text.Value)).Select(static match => match.Value.TrimEnd(','))]; // without the comma of a sentence
        Assert.True(shown.Length > 2000, $"{shown.Length}");
        Assert.Empty(shown.Where(number => !known.Contains(number)).Distinct());
        foreach (var run in runs.Data.Runs)
            Assert.Contains(Figure.Score(run.LastValidation!.Value).Text, shown);
        Assert.Contains(Figure.Score(runs.Data.Ensemble!.Members[2].Contribution!.Value).Text, shown);

        static bool IsFigure(XText text) => text.Parent!.AncestorsAndSelf().All(static element => element.Name.LocalName is not ("style" or "bdi" or "code") && !(element.Attribute("class")?.Value.Split(' ').Contains("t") ?? false));
    }

    [Fact]
    public void Ensemble_OfTheReport_IsThatOfTheReproduction()
    {
        var ensemble = runs.Data.Ensemble!;
        Assert.Equal(runs.Data.Standing.Single(static row => row.Kind == "ensemble").Score, ensemble.Spearman);
        Assert.Equal(6, ensemble.Members.Count);
        Assert.All(ensemble.Members, member => Assert.Equal(ensemble.Spearman - member.Without, member.Contribution));
        Assert.Equal(6, ensemble.Members.Select(static member => member.Without).Distinct().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Colors_OfTexts_HaveEnoughContrast(int theme)
    {
        string style = runs.Page[..runs.Page.IndexOf("</style>", StringComparison.Ordinal)];
        string block = Blocks().Matches(style)[theme].Value;
        var colors = Variables().Matches(block).ToDictionary(static match => match.Groups[1].Value, static match => Luminance(match.Groups[2].Value));
        foreach (string text in new[] { "text", "muted", "link", "bad", "c0", "c1", "c2", "c3", "c4", "c5" })
        {
            foreach (string ground in new[] { "bg", "card" })
                Assert.True(Contrast(colors[text], colors[ground]) >= 4.5, $"{text} on {ground}: {Contrast(colors[text], colors[ground])}");
        }

        static double Contrast(double a, double b) => (Math.Max(a, b) + 0.05) / (Math.Min(a, b) + 0.05);
    }

    // Relative luminance of the Web Content Accessibility Guidelines 2.2.
    private static double Luminance(string hex)
    {
        double[] parts = [.. Enumerable.Range(0, 3).Select(i => int.Parse(hex.AsSpan(2 * i, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0).Select(static part => part <= 0.04045 ? part / 12.92 : Math.Pow((part + 0.055) / 1.055, 2.4))];
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    }

    private static string Json(ReportData data) => JsonSerializer.Serialize(data, ReportJson.Default.ReportData);

    // The page is also well-formed XML, so a forgotten end or quote fails here.
    private XDocument Parse()
    {
        using var reader = XmlReader.Create(new StringReader(runs.Page), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader);
    }

    private static IEnumerable<double> NumbersOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => [value.GetDouble()],
        JsonValueKind.Object => value.EnumerateObject().SelectMany(static property => NumbersOf(property.Value)),
        JsonValueKind.Array => value.EnumerateArray().SelectMany(NumbersOf),
        _ => [],
    };

    [GeneratedRegex(@"(?:src|href|action|data)=(""[^""]*"")")]
    private static partial Regex References();

    [GeneratedRegex(@"\u2212?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")]
    private static partial Regex Numbers();

    [GeneratedRegex(@":root \{[^}]*\}")]
    private static partial Regex Blocks();

    [GeneratedRegex(@"--(\w+): #(\w{6})")]
    private static partial Regex Variables();
}
