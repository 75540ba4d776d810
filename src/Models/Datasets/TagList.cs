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
    /// <summary>The most tags of a list: a model has an output for each, and the challenge has 10,000.</summary>
    public const int MostTags = 100_000;

    private const int BitsPerWord = 32;

    private static readonly FileLimit Limit = new("a tag list", 4); // more than its most tags with the longest numbers

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
    /// The file cannot be read, has more than <see cref="MostTags"/> lines, or a line is empty, is not an integer, or
    /// repeats a tag.
    /// </exception>
    public static TagList Read(string path)
    {
        var lines = new LineReader(FileFailure.ReadAllBytes(path, Limit));
        var tags = new List<(long Id, int Line)>();
        while (lines.MoveNext())
        {
            lines.RequireText(path);
            if (lines.Current.IsEmpty)
                throw new DataException($"{path}: line {lines.Number} is empty; expected a tag id");

            if (lines.Current.Contains((byte)0) || !long.TryParse(lines.Current, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long id))
                throw new DataException($"{path}: line {lines.Number}: '{lines.Quote()}' is not a tag id");

            if (tags.Count == MostTags)
                throw new DataException($"{path}: has more than {MostTags} lines; a model has an output for each tag");
            tags.Add((id, lines.Number));
        }

        // Sorted, not put into a table of hash values: a file could have numbers that all have the same one.
        tags.Sort();
        (int Line, int Earlier)? twice = null;
        for (int i = 1; i < tags.Count; i++)
        {
            if (tags[i].Id == tags[i - 1].Id && !(twice?.Line < tags[i].Line))
                twice = (tags[i].Line, tags[i - 1].Line);
        }
        return twice is { } found ? throw new DataException($"{path}: line {found.Line}: tag {tags.Find(tag => tag.Line == found.Line).Id} is already on line {found.Earlier}")
            : new TagList(path, [.. tags.Select(static tag => tag.Id)]);
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
