namespace VideoSim.Models.Baselines;

/// <summary>
/// The characters of a set of titles and their weights in a bag (tf-idf). A weight is the character's count in the
/// title, times log(number of titles / number of titles with the character). White space is skipped.
/// </summary>
internal sealed class CharacterIndex
{
    private readonly Dictionary<char, int> _columns = [];
    private readonly double[] _rarity; // by column

    /// <summary>Indexes the titles of videos.</summary>
    internal CharacterIndex(LabelledVideos videos)
    {
        var titlesWith = new List<int>();
        for (int video = 0; video < videos.Count; video++)
        {
            foreach (char character in Characters(videos.Title(video)).Distinct())
            {
                if (_columns.TryAdd(character, titlesWith.Count))
                    titlesWith.Add(0);

                titlesWith[_columns[character]]++;
            }
        }

        _rarity = [.. titlesWith.Select(titles => Math.Log((double)videos.Count / titles))];
    }

    /// <summary>Number of different characters.</summary>
    internal int Count => _columns.Count;

    /// <summary>The bags of all titles of a set. Characters that are not in the index are skipped.</summary>
    internal CharacterBag[] BagsOf(LabelledVideos videos)
    {
        var bags = new CharacterBag[videos.Count];
        for (int video = 0; video < bags.Length; video++)
            bags[video] = BagOf(videos.Title(video));

        return bags;
    }

    private CharacterBag BagOf(string title)
    {
        var weights = new SortedDictionary<int, double>();
        foreach (char character in Characters(title))
        {
            if (_columns.TryGetValue(character, out int column))
                weights[column] = weights.GetValueOrDefault(column) + _rarity[column];
        }

        double length = Math.Sqrt(weights.Values.Sum(weight => weight * weight));
        return new CharacterBag([.. weights.Keys], [.. weights.Values.Select(weight => length > 0 ? (float)(weight / length) : 0)]);
    }

    private static IEnumerable<char> Characters(string title) => title.Where(character => !char.IsWhiteSpace(character));
}
