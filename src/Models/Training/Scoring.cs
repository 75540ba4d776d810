using VideoSim.Models.Datasets;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Training;

/// <summary>
/// The challenge's score: Spearman between cosine similarities and labels (docs/reference-system.md, sections 6 and
/// 7.4).
/// </summary>
public static class Scoring
{
    /// <summary>Scores embeddings against a label file; null if the score is undefined.</summary>
    /// <inheritdoc cref="Score"/>
    public static double? Spearman(EmbeddingTable embeddings, string labels, bool skipsMissing = false) => Score(embeddings, labels, skipsMissing).Spearman;

    /// <summary>Scores embeddings against a label file.</summary>
    /// <param name="embeddings">The embeddings.</param>
    /// <param name="labels">The label file.</param>
    /// <param name="skipsMissing">Skips pairs whose videos have no embedding.</param>
    /// <exception cref="Engine.DataException">
    /// The label file is malformed or names a video that has no embedding, or no pair is left.
    /// </exception>
    public static PairScore Score(EmbeddingTable embeddings, string labels, bool skipsMissing = false)
    {
        var pairs = LabelFile.Read(labels, Find);
        if (skipsMissing)
            pairs = Array.FindAll(pairs, static pair => pair.IsComplete);
        if (pairs.Length == 0)
            throw new Engine.DataException($"{labels}: no pair has an embedding for both of its videos");
        return PairScore.Of(PairScoring.Cosines(embeddings, pairs), Array.ConvertAll(pairs, pair => (double)pair.TargetSimilarity));

        bool Find(ReadOnlySpan<byte> id, out int video)
        {
            if (embeddings.TryFind(id, out video))
                return true;
            video = VideoPair.Skipped;
            return skipsMissing;
        }
    }
}

/// <summary>The score of some pairs.</summary>
/// <param name="Spearman">The correlation of cosines and labels; null if it is undefined.</param>
/// <param name="Undefined">Why it is undefined, in a few words; null if it is not.</param>
public readonly record struct PairScore(double? Spearman, string? Undefined)
{
    /// <summary>Scores pairs.</summary>
    /// <param name="cosines">Cosine of each pair.</param>
    /// <param name="labels">Its label.</param>
    internal static PairScore Of(double[] cosines, double[] labels) => new(Metrics.Spearman.Correlation(cosines, labels), Metrics.Spearman.WhyUndefined(cosines, labels));
}
