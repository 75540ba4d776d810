using System.Reflection;
using System.Text;

namespace VideoSim.Models.Reports;

/// <summary>
/// The page of a report: one HTML file without scripts and without references to other files. The same numbers give
/// the same bytes.
/// </summary>
public static class ReportPage
{
    private static readonly (string Id, string Name)[] Parts =
    [
        ("standing", "Result"), ("curves", "Curves"), ("folds", "Folds"), ("runs", "Runs"), ("ensemble", "Ensemble"), ("reliability", "Reliability"), ("pairs", "Worst pairs"),
        ("health", "Embeddings"), ("time", "Time"), ("provenance", "Provenance"), ("advice", "What to try next"),
    ];

    /// <summary>Writes the page.</summary>
    public static void Write(Stream stream, ReportData data)
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        writer.Write(Of(data));
    }

    /// <summary>The page as text.</summary>
    public static string Of(ReportData data)
    {
        var parts = Parts.Select(part => (part.Id, part.Name, Text: Part(part.Id, part.Name, data))).Where(static part => part.Text.Length > 0).ToList();
        var html = new Html();
        html.Raw("<!DOCTYPE html>").Raw("<html lang=\"en\">").Raw("<head>").Raw("<meta charset=\"utf-8\"/>");
        html.Raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
        html.Raw($"<title>{Html.Escape(data.Title)} \u2013 VideoSim report</title>").Raw($"<style>\n{Style()}</style>").Raw("</head>").Raw("<body>");
        html.Raw($"<header><p class=\"kicker\">VideoSim report: {Html.Escape(data.Title)}</p><h1>{Html.Escape(data.Verdict.Text)}</h1>");
        html.Raw($"<p class=\"lead\">{Html.Escape(string.Join(' ', data.Details.Select(static detail => detail.Text)))}</p>");
        html.Raw($"<nav aria-label=\"Parts\">{string.Concat(parts.Select(static part => $"<a href=\"#{part.Id}\">{Html.Escape(part.Name)}</a>"))}</nav></header>").Raw("<main>");
        foreach (var (_, _, text) in parts)
            html.Raw(text.TrimEnd('\n'));
        html.Raw("</main>").Raw("<footer>Made by <code>videosim report</code> from the files of the runs.</footer>").Raw("</body>").Raw("</html>");
        return html.ToString();
    }

    private static string Part(string id, string name, ReportData data)
    {
        var html = new Html();
        switch (id)
        {
            case "standing":
                ResultParts.Standing(html, id, name, data);
                break;
            case "curves":
                CurveParts.Curves(html, id, name, data);
                break;
            case "folds":
                ResultParts.Folds(html, id, name, data);
                break;
            case "runs":
                ResultParts.Runs(html, id, name, data);
                break;
            case "ensemble":
                ResultParts.Ensemble(html, id, name, data);
                break;
            case "reliability":
                CurveParts.Reliability(html, id, name, data);
                break;
            case "pairs":
                ResultParts.Pairs(html, id, name, data);
                break;
            case "health":
                ResultParts.Health(html, id, name, data);
                break;
            case "time":
                OriginParts.Time(html, id, name, data);
                break;
            case "provenance":
                OriginParts.Provenance(html, id, name, data);
                break;
            default:
                OriginParts.Advice(html, id, name, data);
                break;
        }
        return html.ToString();
    }

    private static string Style()
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream("report.css")!);
        return reader.ReadToEnd();
    }
}
