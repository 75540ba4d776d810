using System.Globalization;
using System.Text;

namespace VideoSim.Models.Import;

/// <summary>
/// All tags of a table and their numbers. If every tag is a whole number of 64 bits, it is its own number. Otherwise
/// tags are numbered from 1, in the order of their first appearance.
/// </summary>
internal sealed class TagTable
{
    // As in the challenge (docs/reference-system.md, section 1.4).
    private const int MostSupervised = 10_000;

    private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);
    private readonly List<Tag> _tags = [];
    private bool _hasWords;

    /// <summary>Number of tags that a counted video has.</summary>
    internal int Used => _tags.Count(static tag => tag.Videos > 0);

    /// <summary>Adds the tags of a row.</summary>
    internal void Add(IReadOnlyList<string> tags)
    {
        foreach (string tag in tags)
        {
            if (!_places.TryAdd(tag, _tags.Count))
                continue;
            bool isNumber = long.TryParse(tag, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
                && number.ToString(CultureInfo.InvariantCulture) == tag;
            _hasWords |= !isNumber;
            _tags.Add(new Tag(tag, number));
        }
    }

    /// <summary>The numbers of tags, all of which were added.</summary>
    internal long[] NumbersOf(IReadOnlyList<string> tags) => [.. tags.Select(tag => NumberOf(_places[tag]))];

    /// <summary>Counts the tags of a video. Only counted tags come into the files.</summary>
    internal void Count(IReadOnlyList<string> tags)
    {
        foreach (string tag in tags)
            _tags[_places[tag]].Videos++;
    }

    /// <summary>The table: a line of names, then number, tag and number of videos, most frequent first.</summary>
    internal byte[] ToTable() => Encoding.UTF8.GetBytes("number\ttag\tvideos\n" + string.Concat(
        ByFrequency().Select(place => string.Create(CultureInfo.InvariantCulture, $"{NumberOf(place)}\t{_tags[place].Text}\t{_tags[place].Videos}\n"))));

    /// <summary>The supervised tags, in ascending order: the most frequent 10,000.</summary>
    internal byte[] ToList() => Encoding.UTF8.GetBytes(string.Concat(
        ByFrequency().Take(MostSupervised).Select(NumberOf).Order().Select(static number => string.Create(CultureInfo.InvariantCulture, $"{number}\n"))));

    private long NumberOf(int place) => _hasWords ? place + 1 : _tags[place].Number;

    private IEnumerable<int> ByFrequency() => Enumerable.Range(0, _tags.Count).Where(place => _tags[place].Videos > 0)
        .OrderByDescending(place => _tags[place].Videos).ThenBy(NumberOf);

    private sealed class Tag(string text, long number)
    {
        internal string Text { get; } = text;

        internal long Number { get; } = number;

        internal int Videos { get; set; }
    }
}
