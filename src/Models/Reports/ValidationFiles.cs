using System.Globalization;
using System.Text;
using VideoSim.Models.Metrics;

namespace VideoSim.Models.Reports;

/// <summary>Reads the files of a run's newest validation. A file that is damaged is left out as a whole.</summary>
internal static class ValidationFiles
{
    private const double Rounding = 1e-9; // of a cosine or a score

    /// <summary>The pairs; a part of them has another score, so a file that was cut gives none.</summary>
    /// <param name="file">validation.tsv.</param>
    /// <param name="score">The newest score in metrics.jsonl; null if there is none, or it is undefined.</param>
    /// <param name="notes">Receives what is wrong.</param>
    public static List<ScoredPair> Pairs(string file, double? score, List<string> notes)
    {
        if (JsonLines.ReadFile(file, notes) is not { } bytes)
            return [];
        var pairs = new List<ScoredPair>();
        string[] lines = Encoding.UTF8.GetString(bytes).Split('\n');
        if (lines[^1].Length > 0)
            return LeftOut("the last line is not complete");
        for (int i = 0; i < lines.Length - 1; i++)
        {
            string[] fields = lines[i].Split('\t');
            if (fields.Length != 4 || !Parse(fields[2], float.MaxValue, out double label) || !Parse(fields[3], 1 + Rounding, out double cosine))
                return LeftOut($"line {i + 1} is not two ids, a label and a cosine");
            pairs.Add(new ScoredPair(fields[0], fields[1], label, cosine));
        }
        if (pairs.Count == 0)
            return LeftOut("has no pairs");
        double? own = Spearman.Correlation([.. pairs.Select(static pair => pair.Cosine)], [.. pairs.Select(static pair => pair.Label)]);
        if (score is { } logged && !(Math.Abs((own ?? double.NaN) - logged) <= Rounding))
            return LeftOut($"its pairs score {(own is { } found ? Figure.Score(found) : "nothing that is defined")}, but the newest validation in {RunReader.Metrics} has {Figure.Score(logged)}");
        return pairs;

        List<ScoredPair> LeftOut(string reason)
        {
            notes.Add($"{file}: {reason}; the file is left out");
            return [];
        }

        static bool Parse(string text, double most, out double value) =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && Math.Abs(value) <= most;
    }

    /// <summary>The embeddings; null with a note if a number is missing or cannot be.</summary>
    /// <param name="file">embeddings.json.</param>
    /// <param name="notes">Receives what is wrong.</param>
    public static EmbeddingHealth? Health(string file, List<string> notes)
    {
        if (JsonLines.ReadObject(file, notes) is not { } values)
            return null;
        if (values.Whole("videos") is { } videos and > 0 and <= int.MaxValue && values.Whole("width") is { } width and > 0 and <= int.MaxValue
            && values.Number("norm_min", 0) is { } shortest && values.Number("norm_max", shortest) is { } longest
            && values.Number("norm_mean", shortest * (1 - Rounding), longest * (1 + Rounding)) is { } mean && values.Number("norm_deviation", 0) is { } deviation
            && values.Number("effective_rank", 0, width * (1 + Rounding)) is { } rank && values.Number("mean_cosine", -1 - Rounding, 1 + Rounding) is { } cosine
            && values.Whole("near_duplicates") is { } near && near <= videos)
        {
            return new EmbeddingHealth((int)videos, (int)width, mean, deviation, shortest, longest, rank, cosine, (int)near);
        }
        notes.Add($"{file}: a number of the embeddings is missing or outside of its range; the file is left out");
        return null;
    }
}
