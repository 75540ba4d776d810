using VideoSim.Models.Datasets;
using VideoSim.Models.Metrics;
using VideoSim.Models.Submissions;
using VideoSim.Models.Text;

namespace VideoSim.Models.Training;

/// <summary>Result of a validation.</summary>
/// <param name="Spearman">Between cosine similarities and labels.</param>
/// <param name="Pairs">Number of pairs.</param>
/// <param name="Tags">Score of the predicted tags; null if tags are not scored.</param>
/// <param name="NonFinite">As in <see cref="Embedder.NonFinite"/>. If it is not null, there is no score.</param>
public readonly record struct ValidationScore(double Spearman, int Pairs, TagScore? Tags, string? NonFinite = null);

/// <summary>
/// Spearman between the cosine similarities of a model's embeddings and the labels of some pairs
/// (docs/reference-system.md, section 6).
/// </summary>
internal sealed class PairValidation
{
    private readonly IVideoDataset _dataset;
    private readonly ITokenizer _tokenizer;
    private readonly TagList _tags;
    private readonly int[] _records;
    private readonly (int Left, int Right)[] _pairs; // indices into _records
    private readonly double[] _labels;

    public PairValidation(IVideoDataset dataset, ITokenizer tokenizer, TagList tags, IEnumerable<VideoPair> all)
    {
        VideoPair[] pairs = [.. all.Where(static pair => pair.IsComplete)];
        (_dataset, _tokenizer, _tags) = (dataset, tokenizer, tags);
        _records = [.. pairs.SelectMany(pair => new[] { pair.Left, pair.Right }).Distinct().Order()];
        _pairs = [.. pairs.Select(pair => (Array.BinarySearch(_records, pair.Left), Array.BinarySearch(_records, pair.Right)))];
        _labels = [.. pairs.Select(pair => (double)pair.TargetSimilarity)];
    }

    public ValidationScore Score(Embedder embedder, int width, CancellationToken cancellation)
    {
        double[] embeddings = Array.ConvertAll(embedder.Embed(_dataset, _records, _tokenizer, _tags, cancellation: cancellation), value => (double)value);
        if (embedder.NonFinite is { } value)
            return new ValidationScore(0, _pairs.Length, null, value);
        double[] cosines = new double[_pairs.Length];
        for (int i = 0; i < cosines.Length; i++)
        {
            var (left, right) = _pairs[i];
            cosines[i] = PairScoring.Cosine(embeddings.AsSpan(left * width, width), embeddings.AsSpan(right * width, width));
        }
        return new ValidationScore(Spearman.Correlation(cosines, _labels), _pairs.Length, embedder.Tags);
    }
}
