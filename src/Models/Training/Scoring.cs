using VideoSim.Models.Records;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Training;

/// <summary>The challenge's score: Spearman between cosine similarities and labels (specification 6 and 7.4).</summary>
public static class Scoring
{
    /// <summary>Scores embeddings against a label file.</summary>
    /// <exception cref="Engine.DataException">The label file is malformed or names a video that has no embedding.</exception>
    public static double Spearman(EmbeddingTable embeddings, string labels)
    {
        var pairs = LabelFile.Read(labels, embeddings.TryFind);
        return Metrics.Spearman.Correlation(PairScoring.Cosines(embeddings, pairs), Array.ConvertAll(pairs, pair => (double)pair.TargetSimilarity));
    }
}
