using System.Text;
using VideoSim.Models.Text;

namespace VideoSim.Models.Import;

/// <summary>
/// A vocabulary for users without one, made from the titles of training videos. It has the special tokens, every
/// character at the beginning and inside of words, and the most frequent words. So titles of the same characters need
/// no [UNK]. Published vocabularies are chosen with more care.
/// </summary>
internal sealed class TitleVocabulary
{
    // About the size of the published Chinese BERT's vocabulary. A word that occurs less often teaches little.
    private const int MostWords = 20_000, LeastVideos = 3;

    private static readonly string[] Special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    private readonly Dictionary<string, int> _words = new(StringComparer.Ordinal);
    private readonly SortedSet<Rune> _characters = [], _continuations = [];

    /// <summary>Counts the words of a title, as BERT's tokenizer splits it.</summary>
    internal void Count(string title)
    {
        var counts = _words.GetAlternateLookup<ReadOnlySpan<char>>();
        var words = new BertWords(title, stackalloc char[BertWords.BufferLength]);
        while (words.MoveNext())
        {
            if (words.IsTooLong || Vocabulary.SpecialTokenAtStart(words.Current) is not null)
                continue;
            counts.TryGetValue(words.Current, out int count);
            counts[words.Current] = count + 1;
            bool begins = true;
            foreach (var rune in words.Current.EnumerateRunes())
            {
                _characters.Add(rune);
                if (!begins)
                    _continuations.Add(rune);
                begins = false;
            }
        }
    }

    /// <summary>The vocabulary as a file: special tokens, characters, words from the most frequent on.</summary>
    internal byte[] ToFile()
    {
        var words = _words.Where(static word => word.Value >= LeastVideos && !IsOneCharacter(word.Key))
            .OrderByDescending(static word => word.Value).ThenBy(static word => word.Key, StringComparer.Ordinal).Take(MostWords).Select(static word => word.Key);
        var pieces = Special.Concat(_characters.Select(static rune => rune.ToString()))
            .Concat(_continuations.Select(static rune => Vocabulary.ContinuationPrefix + rune)).Concat(words);
        return Encoding.UTF8.GetBytes(string.Concat(pieces.Select(static piece => piece + "\n")));
    }

    private static bool IsOneCharacter(string word) => Rune.GetRuneAt(word, 0).Utf16SequenceLength == word.Length;
}
