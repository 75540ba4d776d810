using System.Text;

namespace VideoSim.Models.Submissions;

/// <summary>
/// Embeddings of videos by id, as in a submission file: one row of the same width for each id, all values finite.
/// Values are stored as float64, which represents every precision of the files exactly. Created by
/// <see cref="EmbeddingTableBuilder"/>.
/// </summary>
public sealed class EmbeddingTable
{
    /// <summary>The most values an embedding may have (docs/reference-system.md, section 1.7).</summary>
    public const int MaxWidth = 256;

    private readonly string[] _ids;
    private readonly Dictionary<string, int> _rows;

    internal EmbeddingTable(string source, string[] ids, EmbeddingRows values, Dictionary<string, int> rows, EmbeddingOrigin? origin)
    {
        Source = source;
        Origin = origin;
        Values = values;
        _ids = ids;
        _rows = rows;
    }

    /// <summary>Source of the embeddings, for messages: a path or a description.</summary>
    public string Source { get; }

    /// <summary>What computed the embeddings; null if it is not known.</summary>
    public EmbeddingOrigin? Origin { get; }

    /// <summary>Values per embedding.</summary>
    public int Width => Values.Width;

    /// <summary>The ids of the rows, in order, each once.</summary>
    public IReadOnlyList<string> Ids => _ids;

    /// <summary>The embedding of a row, [Width].</summary>
    /// <exception cref="InvalidOperationException">
    /// <see cref="SubmissionFile.ReadEach"/> has read the next file into the memory of this table.
    /// </exception>
    public ReadOnlySpan<double> this[int row] => Values[row];

    internal EmbeddingRows Values { get; }

    /// <summary>Finds the row of an id.</summary>
    public bool TryFind(string id, out int row) => _rows.TryGetValue(id, out row);

    /// <summary>
    /// Finds the row of an id in UTF-8, for <see cref="Datasets.LabelFile.Read(string, Datasets.VideoLookup)"/>.
    /// </summary>
    public bool TryFind(ReadOnlySpan<byte> id, out int row) => TryFind(Encoding.UTF8.GetString(id), out row);

    /// <summary>The same embeddings with their origin.</summary>
    public EmbeddingTable From(EmbeddingOrigin? origin) => new(Source, _ids, Values, _rows, origin);

    /// <summary>A table with the same ids and other values.</summary>
    internal EmbeddingTable With(string source, EmbeddingRows others, EmbeddingOrigin? origin) => new(source, _ids, others, _rows, origin);
}
