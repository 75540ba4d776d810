namespace VideoSim.Models.Reports;

/// <summary>The parts of the page with curves.</summary>
internal static class CurveParts
{
    private const int MostNamedRuns = 6;

    /// <summary>Loss, validation, rates, gradient norm and throughput over steps.</summary>
    public static void Curves(Html html, string id, string name, ReportData data)
    {
        if (data.Curves.Count == 0)
            return;
        string[] stages = [.. data.Curves.Select(static figure => figure.Stage).Distinct()];
        // The finetuning is the result; pretraining comes first because it is earlier.
        html.Section(id, name, (data.Findings.GetValueOrDefault(stages[^1]) ?? Finding.Of($"Curves over steps")).Text);
        foreach (string stage in stages)
        {
            if (stages.Length > 1)
                html.Raw($"<h3>{Html.Escape(stage == stages[^1] ? Capital(stage) : data.Findings.GetValueOrDefault(stage)?.Text ?? Capital(stage))}</h3>");
            html.Raw("<div class=\"figures\">");
            CurveFigure[] figures = [.. data.Curves.Where(figure => figure.Stage == stage)];
            // One range for all of them, so that a mark is at its step in each.
            long last = figures.Max(static figure => Math.Max(figure.Lines.Max(static line => line.Steps.Max()), figure.Events.Select(static happened => happened.Step).DefaultIfEmpty().Max()));
            foreach (var figure in figures)
                html.Figure(Draw(figure, last), $"{Caption(figure.Measure)}{(figure.Lines.Count < figure.Runs && figure.Lines.Count == 1 ? ", the same in all runs" : "")}");
            html.Raw("</div>");
        }
        Events(html, data);
        html.EndSection();
    }

    /// <summary>Labels over cosines.</summary>
    public static void Reliability(Html html, string id, string name, ReportData data)
    {
        if (data.Reliability.Count == 0)
            return;
        html.Section(id, name, data.Findings[id].Text);
        bool isOne = data.Reliability.Count == 1;
        var chart = new LineChart
        {
            Label = "Mean label of pairs over their mean cosine",
            // Models may have cosines in ranges that hardly overlap.
            XTitle = isOne ? "cosine of the two embeddings" : "groups of pairs, by rising cosine",
            YTitle = "mean label",
            CountsX = !isOne,
            HasDots = true,
            FromZero = true,
            Lines = [.. data.Reliability.Select(curve => new ChartLine(curve.Group, curve.Color, [.. curve.Bins.Select((bin, i) => isOne ? bin.Cosine : i + 1)], [.. curve.Bins.Select(static bin => bin.Label)]))],
            Points = isOne ? [.. data.Reliability[0].SampleCosines.Zip(data.Reliability[0].SampleLabels)] : [],
        };
        html.Raw("<div class=\"side\">").Figure(chart.Draw(), "Validation pairs in groups of equally many, in the order of their cosines", "wide");
        html.Raw("<div>");
        html.Paragraph($"A line that rises from left to right is good: the score counts only the order. Intervals come from {Figure.Count(data.IntervalResamples)} samples of the pairs, drawn with replacement.", "quiet");
        html.Table("Scores of validation pairs", ["Model", "#Pairs", "#Spearman", $"#{Figure.Percent(data.IntervalLevel)} interval of Spearman, low", "#High"], data.Reliability.Select(static curve => (IReadOnlyList<string>)
            [Html.Foreign(curve.Group), Figure.Count(curve.Pairs).Text, Figure.Score(curve.Spearman).Text, Figure.Score(curve.Low).Text, Figure.Score(curve.High).Text]));
        html.Raw("</div></div>");
        html.Table("Pairs by cosine", ["Model", "#Mean cosine", "#Mean label", "#First quartile", "#Third quartile", "#Pairs"], data.Reliability.SelectMany(static curve => curve.Bins.Select(bin => (IReadOnlyList<string>)
            [Html.Foreign(curve.Group), Figure.Score(bin.Cosine).Text, Figure.Score(bin.Label).Text, Figure.Score(bin.LabelLow).Text, Figure.Score(bin.LabelHigh).Text, Figure.Count(bin.Pairs).Text])), folded: true);
        html.EndSection();
    }

    private static string Draw(CurveFigure figure, long last)
    {
        // Few runs of one group are named one by one, each with its own colour.
        bool namesRuns = figure.Lines.DistinctBy(static line => line.Group).Count() == 1 && figure.Lines.Count is > 1 and <= MostNamedRuns;
        return new LineChart
        {
            Label = $"{Caption(figure.Measure)} over steps",
            XTitle = "step",
            LastX = last,
            FromZero = figure.Measure is RunReader.Rate or RunReader.EncoderRate or RunReader.Throughput,
            MayBeLogarithmic = figure.Measure is RunReader.Loss or RunReader.GradientNorm,
            YTick = figure.Measure is RunReader.Rate or RunReader.EncoderRate ? Figure.RateTick : null,
            HasDots = figure.Measure == RunReader.Validation && figure.Lines.Count <= MostNamedRuns,
            Lines = [.. figure.Lines.Select((line, i) => new ChartLine(namesRuns ? Short(line) : line.Group, namesRuns ? i : line.Color, [.. line.Steps.Select(static step => (double)step)], line.Values))],
            Marks = [.. figure.Events.Select(static happened => ((double)happened.Step, StyleOf(happened), happened.Text))],
        }.Draw();
    }

    // The name without that of the group, which all lines share.
    private static string Short(CurveLine line) => line.Run.StartsWith(line.Group, StringComparison.Ordinal) ? line.Run[line.Group.Length..].Trim() : line.Run;

    private static void Events(Html html, ReportData data)
    {
        var all = data.Runs.SelectMany(static run => run.Events.Select(happened => (run.Name, Event: happened))).ToList();
        if (all.Count == 0)
            return;
        html.Raw($"<ul class=\"legend\">{string.Concat(all.Select(static entry => (StyleOf(entry.Event), entry.Event.Kind)).Distinct().Select(static kind => $"<li><span class=\"swatch {kind.Item1}\"></span>{Html.Escape(kind.Kind)}, at the step axis</li>"))}</ul>");
        html.Table("Resumes, rollbacks and stops", ["Run", "#Step", "What happened"], all.Select(static entry => (IReadOnlyList<string>)
            [Html.Foreign(entry.Name), Figure.Count(entry.Event.Step).Text, Html.Foreign(entry.Event.Text)]), folded: true);
    }

    private static string StyleOf(RunEvent happened) => happened.Kind switch { "resume" => "resume", "rollback" => "rollback", _ => "stopped" };

    private static string Caption(string measure) => measure switch
    {
        RunReader.Loss => "Loss",
        RunReader.Validation => "Validation, Spearman",
        RunReader.Rate => "Learning rate",
        RunReader.EncoderRate => "Learning rate of the encoder",
        RunReader.GradientNorm => "Gradient norm, before any limit",
        _ => "Throughput, samples per second",
    };

    private static string Capital(string stage) => stage == "pretrain" ? "Pretraining" : "Finetuning";
}
