using System.Globalization;
using System.Text;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Metrics;
using VideoSim.Models.Submissions;
using VideoSim.Models.Text;

namespace VideoSim.Models.Training;

/// <summary>Result of a validation.</summary>
/// <param name="Spearman">Between cosine similarities and labels; null if it is undefined.</param>
/// <param name="Pairs">Number of pairs.</param>
/// <param name="Tags">Score of the predicted tags; null if tags are not scored.</param>
/// <param name="NonFinite">As in <see cref="Embedder.NonFinite"/>. If it is not null, there is no score.</param>
/// <param name="Undefined">Why Spearman is undefined; null if it is not.</param>
public readonly record struct ValidationScore(double? Spearman, int Pairs, TagScore? Tags, string? NonFinite = null, string? Undefined = null);

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
    private string[]? _ids; // by index into _records

    public PairValidation(IVideoDataset dataset, ITokenizer tokenizer, TagList tags, IEnumerable<VideoPair> all)
    {
        VideoPair[] pairs = [.. all.Where(static pair => pair.IsComplete)];
        (_dataset, _tokenizer, _tags) = (dataset, tokenizer, tags);
        _records = [.. pairs.SelectMany(pair => new[] { pair.Left, pair.Right }).Distinct().Order()];
        _pairs = [.. pairs.Select(pair => (Array.BinarySearch(_records, pair.Left), Array.BinarySearch(_records, pair.Right)))];
        _labels = [.. pairs.Select(pair => (double)pair.TargetSimilarity)];
    }

    /// <summary>Name of the file with the pairs of a run's newest validation.</summary>
    public const string PairsFile = "validation.tsv";

    /// <summary>Name of the file with the health of the embeddings of that validation.</summary>
    public const string EmbeddingsFile = "embeddings.json";

    /// <summary>Scores the pairs with a model's current weights, and writes the two files.</summary>
    /// <param name="embedder">Embeds the videos.</param>
    /// <param name="width">Values of an embedding.</param>
    /// <param name="run">Folder of the run.</param>
    /// <param name="cancellation">Stops the embedding.</param>
    public ValidationScore Score(Embedder embedder, int width, string run, CancellationToken cancellation)
    {
        double[] embeddings = Array.ConvertAll(embedder.Embed(_dataset, _records, _tokenizer, _tags, cancellation: cancellation), value => (double)value);
        if (embedder.NonFinite is { } value)
            return new ValidationScore(null, _pairs.Length, null, value);
        double[] cosines = new double[_pairs.Length];
        for (int i = 0; i < cosines.Length; i++)
        {
            var (left, right) = _pairs[i];
            cosines[i] = PairScoring.Cosine(embeddings.AsSpan(left * width, width), embeddings.AsSpan(right * width, width));
        }
        AtomicFile.Write(Path.Combine(run, PairsFile), stream => WritePairs(stream, cosines));
        AtomicFile.Write(Path.Combine(run, EmbeddingsFile), EmbeddingHealth.Of(embeddings, width).WriteTo);
        var (spearman, undefined) = PairScore.Of(cosines, _labels);
        return new ValidationScore(spearman, _pairs.Length, embedder.Tags, Undefined: undefined);
    }
    // Left id, right id, label, cosine. Numbers have the digits that read back as the same value. A label is a float.
    private void WritePairs(Stream stream, double[] cosines)
    {
        _ids ??= ReadIds();
        using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
        for (int i = 0; i < cosines.Length; i++)
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_ids[_pairs[i].Left]}\t{_ids[_pairs[i].Right]}\t{(float)_labels[i]}\t{cosines[i]}"));
    }

    private string[] ReadIds()
    {
        using var reader = _dataset.OpenReader();
        return Array.ConvertAll(_records, record => Encoding.UTF8.GetString(reader.Read(record).Id));
    }
}
