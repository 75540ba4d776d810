using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Text;

namespace VideoSim.Models.Synthesis;

/// <summary>
/// Writes titles of 2 to 60 characters. Each channel of subject and story has its own words, many with the same
/// meaning. So two titles with the same content rarely share characters. Common words and noise are in between.
/// </summary>
internal sealed class TitleSynthesizer
{
    private const int WordsOfChannel = 9, NoiseWords = 300, CharactersOfWord = 2;
    private const int ShortestTypical = 20, Shortest = 2, Longest = 60;
    private const double ShortTitleProbability = 0.04, TopicalProbability = 0.85, NoiseProbability = 0.04, StoryProbability = 0.55;

    private const double GoldenRatio = 0.6180339887498949;

    // The level-1 set of GB 2312: 3,755 characters in common use, code points 0xB0A1 to 0xD7F9, 94 to a row.
    private const int FirstRow = 0xB0, FirstColumn = 0xA1, RowLength = 94, CommonCharacters = 3755;

    private static readonly string[] Fillers =
    [
        "的", "了", "视频", "今天", "教程", "这个", "合集", "搞笑", "！", "，", "vlog", "NBA", "我们", "2021", "最新", "大家", "一起", "看看", "第3集",
        "来了", "#", "真的", "怎么", "太", "哈哈",
    ];

    private readonly ulong _seed;
    private readonly string[][] _words;
    private readonly string[] _noise, _fillers = Fillers;
    private readonly char[] _characters;

    /// <summary>Makes the words of titles.</summary>
    /// <param name="seed">Key of the random numbers.</param>
    /// <param name="vocabulary">Titles have only characters that this one contains; null for no limit.</param>
    /// <exception cref="DataException">The vocabulary has too few Chinese characters.</exception>
    internal TitleSynthesizer(ulong seed, Vocabulary? vocabulary = null)
    {
        const int Needed = CharactersOfWord * (Aspect.TotalChannels * WordsOfChannel + NoiseWords);
        _seed = seed;
        _characters = Shuffled(seed);
        if (vocabulary is not null)
        {
            _characters = [.. _characters.Where(character => vocabulary.TryGetId([character], out _))];
            _fillers = [.. Fillers.Where(filler => IsKnown(vocabulary, filler))];
            if (_characters.Length < Needed || _fillers.Length == 0)
                throw new DataException($"--vocab: the vocabulary has {_characters.Length} of the common Chinese characters; titles need {Needed}, and one of the common words");
        }
        int next = 0;
        // Each channel's words have their own characters, so the characters of a title determine its meaning.
        _words = [.. Enumerable.Range(0, Aspect.TotalChannels).Select(_ => Words(WordsOfChannel))];
        _noise = Words(NoiseWords);
        _characters = _characters[..next];

        string[] Words(int count) => [.. Enumerable.Range(0, count).Select(_ => new string(_characters, (next += CharactersOfWord) - CharactersOfWord, CharactersOfWord))];
    }

    /// <summary>All texts in titles, for a vocabulary.</summary>
    internal IEnumerable<string> Texts => _fillers.Append(new string(_characters));

    /// <summary>Writes the title of a video.</summary>
    internal string Write(ulong video, ReadOnlySpan<double> latent)
    {
        var random = new CounterRandom(_seed, Purpose.Title, video);
        int length = random.NextBool(ShortTitleProbability)
            ? Shortest + random.NextBelow(ShortestTypical - Shortest)
            : Math.Min(Longest, (int)(ShortestTypical / Math.Sqrt(1 - random.NextUniform())));
        var title = new StringBuilder();
        double subject = random.NextUniform(), story = random.NextUniform();
        while (title.Length < length)
        {
            double kind = random.NextUniform();
            if (kind < TopicalProbability)
                title.Append(random.NextBool(StoryProbability) ? Word(Aspect.Story, ref story, latent, ref random) : Word(Aspect.Subject, ref subject, latent, ref random));
            else if (kind < TopicalProbability + NoiseProbability)
                title.Append(_noise[random.NextBelow(NoiseWords)]);
            else
                title.Append(_fillers[random.NextBelow(_fillers.Length)]);
        }
        title.Length = length;
        return title.ToString();
    }

    // A word of a channel, chosen in proportion to the amounts of the channels. Quantiles advance by the golden ratio
    // and are not drawn at random, so even a few words match the proportions.
    private string Word(Aspect aspect, ref double quantile, ReadOnlySpan<double> latent, ref CounterRandom random)
    {
        quantile = (quantile + GoldenRatio) % 1;
        double left = quantile * aspect.Share;
        int channel = aspect.First;
        while (channel < aspect.First + aspect.Channels - 1 && (left -= latent[channel] * latent[channel]) >= 0)
            channel++;
        return _words[channel][random.NextBelow(WordsOfChannel)];
    }

    private static bool IsKnown(Vocabulary vocabulary, string text)
    {
        int[] ids = new int[Longest + 2];
        int count = new BertTokenizer(vocabulary).Encode(text, ids, new int[ids.Length]);
        return !ids.AsSpan(0, count).Contains(vocabulary.UnknownId);
    }

    private static char[] Shuffled(ulong seed)
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        byte[] bytes = new byte[2 * CommonCharacters];
        for (int i = 0; i < CommonCharacters; i++)
            (bytes[2 * i], bytes[2 * i + 1]) = ((byte)(FirstRow + i / RowLength), (byte)(FirstColumn + i % RowLength));
        string fillers = string.Concat(Fillers);
        char[] characters = [.. Encoding.GetEncoding("gb2312").GetString(bytes).Where(c => !fillers.Contains(c, StringComparison.Ordinal))];
        new CounterRandom(seed, Purpose.Lexicon, 0).Shuffle(characters);
        return characters;
    }
}
