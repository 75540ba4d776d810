using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Datasets;

/// <summary>
/// The supervised tags (docs/reference-system.md, section 1.4): a text file with one integer id per line. A tag's
/// class is its rank in ascending order of ids. The order of the lines does not matter.
/// </summary>
public sealed class TagList
{
    private const int BitsPerWord = 32;

    private static readonly FileLimit Limit = new("a tag list", 20); // of a million tags

    private readonly long[] _ids;

    private TagList(string path, long[] ids)
    {
        Path = path;
        _ids = ids;
    }

    /// <summary>The file it was read from.</summary>
    public string Path { get; }

    /// <summary>Number of classes.</summary>
    public int ClassCount => _ids.Length;

    /// <summary>Number of 32-bit words of one video's labels.</summary>
    public int LabelWords => (_ids.Length + BitsPerWord - 1) / BitsPerWord;

    /// <summary>The ids in the order of their classes.</summary>
    public ReadOnlySpan<long> Ids => _ids;

    /// <summary>
    /// The content of a tag list file, in the order of the classes. It is equal for lists of the same tags.
    /// </summary>
    public byte[] ToFile() => Encoding.UTF8.GetBytes(string.Concat(_ids.Select(id => string.Create(CultureInfo.InvariantCulture, $"{id}\n"))));

    /// <summary>SHA-256 of <see cref="ToFile"/>, lower-case hexadecimal.</summary>
    public string Sha256 => Convert.ToHexStringLower(SHA256.HashData(ToFile()));

    /// <summary>The list of data without tags.</summary>
    /// <param name="path">The file that is missing.</param>
    internal static TagList Empty(string path) => new(path, []);

    /// <summary>Reads a tag list. It may be empty: then a model has no tag heads.</summary>
    /// <exception cref="DataException">
    /// The file cannot be read, or a line is empty, is not an integer, or repeats a tag.
    /// </exception>
    public static TagList Read(string path)
    {
        var lines = new LineReader(FileFailure.ReadAllBytes(path, Limit));
        var lineOf = new Dictionary<long, int>();
        while (lines.MoveNext())
        {
            lines.RequireText(path);
            if (lines.Current.IsEmpty)
                throw new DataException($"{path}: line {lines.Number} is empty; expected a tag id");

            if (lines.Current.Contains((byte)0) || !long.TryParse(lines.Current, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long id))
                throw new DataException($"{path}: line {lines.Number}: '{lines.Quote()}' is not a tag id");

            if (!lineOf.TryAdd(id, lines.Number))
                throw new DataException($"{path}: line {lines.Number}: tag {id} is already on line {lineOf[id]}");
        }

        return new TagList(path, [.. lineOf.Keys.Order()]);
    }

    /// <summary>The class of a tag; false if the tag is not in the list.</summary>
    public bool TryGetClass(long tagId, out int tagClass)
    {
        tagClass = Array.BinarySearch(_ids, tagId);
        return tagClass >= 0;
    }

    /// <summary>
    /// Writes a video's labels: bit c of the words (bit c % 32 of word c / 32) is set if the video has tag class c.
    /// </summary>
    /// <param name="tagIds">The video's tags; those that are not in the list are left out.</param>
    /// <param name="labels">[LabelWords], overwritten.</param>
    public void WriteLabels(ReadOnlySpan<long> tagIds, Span<uint> labels)
    {
        labels = labels[..LabelWords];
        labels.Clear();
        foreach (long tagId in tagIds)
        {
            if (TryGetClass(tagId, out int tagClass))
                labels[tagClass / BitsPerWord] |= 1u << (tagClass % BitsPerWord);
        }
    }
}
