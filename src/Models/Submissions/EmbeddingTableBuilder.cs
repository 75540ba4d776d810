using System.Globalization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>Collects embeddings one by one and refuses values that a submission must not have.</summary>
public sealed class EmbeddingTableBuilder
{
    private readonly string _source;
    private readonly EmbeddingRows? _spent;
    private readonly List<string> _ids = [];
    private readonly Dictionary<string, int> _rows = [];
    private EmbeddingRows? _values;

    /// <param name="source">Source of the embeddings, for messages.</param>
    public EmbeddingTableBuilder(string source) : this(source, spent: null)
    {
    }

    internal EmbeddingTableBuilder(string source, EmbeddingRows? spent) => (_source, _spent) = (source, spent);

    /// <summary>The embeddings so far; null if there is none.</summary>
    internal EmbeddingRows? Values => _values;

    /// <summary>Adds an embedding.</summary>
    /// <param name="id">The video's id; each may be given once.</param>
    /// <param name="embedding">
    /// As many values as in the embeddings before it, at most <see cref="EmbeddingTable.MaxWidth"/>.
    /// </param>
    /// <exception cref="DataException">
    /// The id is empty or repeated, the width is wrong, or a value is not a finite float32.
    /// </exception>
    public void Add(string id, ReadOnlySpan<double> embedding)
    {
        CheckWidth(id, embedding.Length);
        RequireFinite(_source, id, embedding);
        if (id.Length == 0 || !_rows.TryAdd(id, _ids.Count))
            throw WrongId(_source, id);
        _ids.Add(id);
        _values ??= new EmbeddingRows(embedding.Length, _spent);
        _values.Reserve(_ids.Count);
        embedding.CopyTo(_values[_ids.Count - 1]);
    }

    /// <inheritdoc cref="Add(string, ReadOnlySpan{double})"/>
    public void Add(string id, ReadOnlySpan<float> embedding)
    {
        CheckWidth(id, embedding.Length);
        Span<double> widened = stackalloc double[embedding.Length];
        for (int i = 0; i < embedding.Length; i++)
            widened[i] = embedding[i];
        Add(id, widened);
    }

    /// <summary>The table of all embeddings added.</summary>
    /// <param name="origin">What computed them; null if it is not known.</param>
    /// <exception cref="DataException">No embedding was added.</exception>
    public EmbeddingTable Build(EmbeddingOrigin? origin = null) => _values is not null
        ? new EmbeddingTable(_source, [.. _ids], _values, _rows, origin)
        : throw Nothing(_source);

    /// <summary>Refuses values that are not finite float32 numbers.</summary>
    internal static void RequireFinite(string source, string id, ReadOnlySpan<double> embedding)
    {
        foreach (double value in embedding)
        {
            // Every model computes in float32; a larger value is damage, and its square could overflow in a cosine.
            if (!float.IsFinite((float)value))
                throw Wrong(source, id, $"has the value {value.ToString(CultureInfo.InvariantCulture)}, which is not a finite float32");
        }
    }

    /// <summary>Refuses ids that are empty or repeated, and an empty list of ids.</summary>
    internal static void RequireIds(string source, IReadOnlyCollection<string> ids)
    {
        var seen = new HashSet<string>(ids.Count);
        foreach (string id in ids)
        {
            if (id.Length == 0 || !seen.Add(id))
                throw WrongId(source, id);
        }
        if (seen.Count == 0)
            throw Nothing(source);
    }

    private void CheckWidth(string id, int count)
    {
        if (count is 0 or > EmbeddingTable.MaxWidth)
            throw Wrong(_source, id, $"has {count} values, but 1 to {EmbeddingTable.MaxWidth} are allowed");
        if (_values is not null && count != _values.Width)
            throw Wrong(_source, id, $"has {count} values, but the ids before it have {_values.Width}");
    }

    private static DataException Nothing(string source) => new($"{source}: has no embeddings");

    private static DataException WrongId(string source, string id) => Wrong(source, id, id.Length == 0 ? "is empty" : "occurs twice");

    private static DataException Wrong(string source, string id, string complaint) => new($"{source}: id {Printable.Quote(id)} {complaint}");
}
