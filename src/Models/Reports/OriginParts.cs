namespace VideoSim.Models.Reports;

/// <summary>The parts of the page about time, origin and next steps.</summary>
internal static class OriginParts
{
    private const int MostOpenRows = 12, MostNames = 3, ShortCommit = 12;
    private const string None = "\u2013";

    private static readonly (string Name, Func<TimeBudget, double> Seconds, Func<TimeBudget, double> Share)[] TimeParts =
    [
        ("input", static time => time.Time.Input, static time => time.InputShare), ("steps", static time => time.Time.Train, static time => time.TrainShare),
        ("validation", static time => time.Time.Validation, static time => time.ValidationShare), ("saving", static time => time.Time.Saving, static time => time.SavingShare),
        ("other", static time => time.Time.Other, static time => time.OtherShare),
    ];

    /// <summary>Where the time went.</summary>
    public static void Time(Html html, string id, string name, ReportData data)
    {
        if (data.Times.Count == 0 && data.Bench is null)
            return;
        html.Section(id, name, data.Findings.GetValueOrDefault(id)?.Text ?? "Where the time of a step goes");
        if (data.Times.Count > 0)
        {
            html.Figure(new RowChart
            {
                Label = "Share of each part in the time of the runs",
                XTitle = "share of the time, percent",
                Largest = 1,
                Tick = static share => Figure.Tick(Math.Round(100 * share)),
                Rows = [.. data.Times.Select(static time => new ChartRow($"{time.Group} {time.Stage}", Figure.Duration(time.Time.Total).Text, "", [])
                {
                    Bars = [.. TimeParts.Select((part, i) => (TimeParts[..(i + 1)].Sum(one => one.Share(time)), $"f {Style(i)}", $"{part.Name}: {Figure.Percent(part.Share(time))}"))],
                })],
            }.Draw(), "Parts of the time; at the right the sum of all runs", "wide");
            html.Raw($"<ul class=\"legend\">{string.Concat(TimeParts.Select(static (part, i) => $"<li><span class=\"swatch {Style(i)}\"></span>{part.Name}</li>"))}</ul>");
            html.Table("Time of the runs", ["Runs", "#Number", "#Time", .. TimeParts.SelectMany(static part => new[] { $"#{Capital(part.Name)}", "#Share" }), "#Most memory"], data.Times.Select(static time => (IReadOnlyList<string>)
            [
                Html.Foreign($"{time.Group} {time.Stage}"), Figure.Count(time.Runs).Text, Figure.Duration(time.Time.Total).Text,
                .. TimeParts.SelectMany(part => new[] { Figure.Duration(part.Seconds(time)).Text, Figure.Share(part.Share(time)).Text }),
                time.MemoryBytes is { } bytes ? $"{Figure.Quantity(bytes)}B" : None,
            ]));
        }
        if (data.Bench is { } bench)
        {
            html.Raw($"<h3>{Html.Escape($"One step: {bench.Title}")}</h3>");
            if (bench.MedianMilliseconds is { } median)
                html.Paragraph($"The median step takes {Figure.Quantity(median)} ms. The bench times parts one by one, so their sum may be more.", "quiet");
            html.Table("Parts of a step", ["Part", "#ms", "#Share"], bench.Parts.Select(static part => (IReadOnlyList<string>)
                [Html.Foreign(part.Name), Figure.Quantity(part.Milliseconds).Text, Figure.Share(part.Share).Text])
                .Concat(bench.RestMilliseconds > 0 ? [["all others", Figure.Quantity(bench.RestMilliseconds).Text, ""]] : []));
        }
        html.EndSection();
    }

    /// <summary>Commands, machines, data.</summary>
    public static void Provenance(Html html, string id, string name, ReportData data)
    {
        html.Section(id, name, "Where these numbers come from");
        html.Table("Runs and their keys", ["Run", "Preset", "#Seed", "Version", "Folder"], data.Runs.Select(static run => (IReadOnlyList<string>)
            [Html.Foreign(run.Name), Html.Foreign(run.Preset ?? None), Html.Foreign(run.Seed ?? None), Html.Foreign(run.Version ?? None), Html.Code(run.Folder)]), folded: data.Runs.Count > MostOpenRows);
        // Runs of one command, machine and version are one row.
        var sessions = data.Runs.SelectMany(static run => run.Sessions.Select(session => (run.Name, Session: session))).GroupBy(static entry => entry.Session with { Started = null, FromStep = null })
            .Select(static same => (Name: Names([.. same.Select(static entry => entry.Name).Distinct()]), Session: same.MinBy(static entry => entry.Session.Started, StringComparer.Ordinal).Session)).ToList();
        if (sessions.Count > 0)
        {
            html.Table("Starts and resumes", ["Runs", "First start", "Command", "Version", "Commit", "Machine", "Processor", "System", ".NET", "Device", "#Threads"], sessions.Select(static entry => (IReadOnlyList<string>)
            [
                Html.Foreign(entry.Name), Text(entry.Session.Started), entry.Session.CommandLine is { } line ? $"<div class=\"wrap\">{Html.Code(line)}</div>" : None,
                Text(entry.Session.Version), Text(entry.Session.Commit is { Length: > ShortCommit } commit ? commit[..ShortCommit] : entry.Session.Commit), Text(entry.Session.Machine), Text(entry.Session.Processor), Text(entry.Session.System), Text(entry.Session.Runtime), Text(entry.Session.Device),
                entry.Session.Threads is { } threads ? Figure.Count(threads).Text : None,
            ]), folded: sessions.Count > MostOpenRows);
        }
        if (data.Inputs.Count > 0)
        {
            html.Table("Files that the runs read", ["File", "#Bytes", "SHA-256"], data.Inputs.Select(static input => (IReadOnlyList<string>)
                [Html.Code(input.Path), Figure.Count(input.Bytes).Text, Html.Code(input.Sha256)]), folded: data.Inputs.Count > MostOpenRows);
        }
        if (data.Notes.Count > 0)
        {
            html.Raw("<h3>Not shown</h3>");
            html.Raw($"<ul class=\"quiet\">{string.Concat(data.Notes.Select(static note => $"<li>{Html.Escape(note)}</li>"))}</ul>");
        }
        html.EndSection();
    }

    /// <summary>What to try next.</summary>
    public static void Advice(Html html, string id, string name, ReportData data)
    {
        if (data.Advice.Count == 0)
            return;
        html.Section(id, name, data.Advice.Count == 1 ? "One thing stands out" : "These things stand out");
        html.Raw($"<ul class=\"advice\">{string.Concat(data.Advice.Select(static finding => $"<li>{Html.Sentence(finding.Text)}</li>"))}</ul>");
        html.EndSection();
    }

    private static string Names(string[] all) => all.Length > MostNames ? $"{all[0]} and {all.Length - 1} more" : string.Join(", ", all);

    private static string Text(string? text) => text is null ? None : Html.Foreign(text);

    private static string Style(int part) => part == TimeParts.Length - 1 ? "cx" : LineChart.ColorClass(part);

    private static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];
}
