using System.Text;
using Microsoft.ML.Tokenizers;

namespace VideoSim.Models.Text;

/// <summary>
/// Gives a tokenizer the form of Microsoft.ML.Tokenizers. Its normalizer finds and changes the words. They are the
/// lines of the normalized text, because a line feed is the only character that no piece of a vocabulary contains. Its
/// pre-tokenizer splits at line feeds, and the package splits the words into pieces.
/// </summary>
internal static class WordPieceForm
{
    // Words over the limit of code points are [UNK] before the package counts UTF-16 units.
    private const string Unknown = "[UNK]";

    /// <summary>Finds the words of a text and writes them with <see cref="AddWord"/>.</summary>
    /// <param name="text">UTF-16. A lone surrogate is read as U+FFFD.</param>
    /// <param name="lines">Receives the words.</param>
    public delegate void WordFinder(ReadOnlySpan<char> text, StringBuilder lines);

    /// <summary>The tokenizer of a vocabulary and a way to find words.</summary>
    public static WordPieceTokenizer Create(Vocabulary vocabulary, WordFinder findWords)
    {
        // A piece that is a whole word is one token, however long it is.
        int longest = Enumerable.Range(0, vocabulary.Count).Max(id => vocabulary[id].Length);
        using var file = new MemoryStream(ToFile(vocabulary));
        return WordPieceTokenizer.Create(file, new WordPieceOptions
        {
            Normalizer = new WordsAsLines(findWords),
            PreTokenizer = new LineSplitter(),
            UnknownToken = Unknown,
            ContinuingSubwordPrefix = Vocabulary.ContinuationPrefix,
            MaxInputCharsPerWord = Math.Max(BertWords.BufferLength, longest),
            SpecialTokens = vocabulary.SpecialIds,
        });
    }

    /// <summary>Writes a word as a line.</summary>
    public static void AddWord(ReadOnlySpan<char> word, StringBuilder lines) => lines.Append(word).Append('\n');

    /// <summary>Writes the words of BERT (<see cref="BertWords"/>). A word that is too long becomes [UNK].</summary>
    public static void AddBertWords(ReadOnlySpan<char> text, StringBuilder lines)
    {
        var words = new BertWords(text, stackalloc char[BertWords.BufferLength]);
        while (words.MoveNext())
            AddWord(words.IsTooLong ? Unknown : words.Current, lines);
    }

    // The package refuses a piece that has two ids, and it takes CR for the end of a line. It skips empty lines but
    // counts them. So a piece that is never found is an empty line. The mark keeps a U+FEFF of the first piece.
    private static byte[] ToFile(Vocabulary vocabulary)
    {
        var lines = new StringBuilder("\uFEFF");
        for (int id = 0; id < vocabulary.Count; id++)
        {
            string piece = vocabulary[id];
            bool isFound = vocabulary.TryGetId(piece, out int last) && last == id && !piece.Contains('\r');
            lines.Append(isFound ? piece : "").Append('\n');
        }
        return Encoding.UTF8.GetBytes(lines.ToString());
    }

    private sealed class WordsAsLines(WordFinder findWords) : Normalizer
    {
        public override string Normalize(string original) => Normalize(original.AsSpan());

        public override string Normalize(ReadOnlySpan<char> original)
        {
            var lines = new StringBuilder();
            findWords(original, lines);
            return lines.ToString();
        }
    }

    private sealed class LineSplitter : PreTokenizer
    {
        public override IEnumerable<(int Offset, int Length)> PreTokenize(string text) => PreTokenize(text.AsSpan());

        public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text)
        {
            var lines = new List<(int Offset, int Length)>();
            foreach (var range in text.Split('\n'))
            {
                (int offset, int length) = range.GetOffsetAndLength(text.Length);
                if (length > 0) lines.Add((offset, length));
            }
            return lines;
        }
    }
}
