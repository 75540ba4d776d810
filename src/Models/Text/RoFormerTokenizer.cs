using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace VideoSim.Models.Text;

/// <summary>
/// The tokenizer of a Chinese RoFormer, Hugging Face's slow one (docs/reference-system.md, section 2.1): lower-cased
/// text is split into words (<see cref="JiebaWords"/>). A word that is a piece of the vocabulary is one token. BERT's
/// tokenizer splits all other words.
/// </summary>
/// <param name="vocabulary">The pieces and their ids.</param>
/// <param name="dictionary">The words.</param>
public sealed class RoFormerTokenizer(Vocabulary vocabulary, JiebaDictionary dictionary) : ITokenizer
{
    // Titles are shorter. Longer texts use buffers from the pools.
    private const int OnStack = 512;

    // Only one letter becomes two letters in lower case, and no letter leaves its plane.
    private const int LongestLowerCase = 2;
    private const char CapitalIWithDot = '\u0130', CombiningDotAbove = '\u0307';

    private readonly BertTokenizer _bert = new(vocabulary);

    /// <inheritdoc/>
    public Vocabulary Vocabulary => vocabulary;

    /// <inheritdoc/>
    public string ClassName => nameof(RoFormerTokenizer);

    /// <inheritdoc/>
    public string? DictionarySha256 => dictionary.Sha256;

    /// <inheritdoc/>
    public int Encode(ReadOnlySpan<byte> text, Span<int> tokenIds, Span<int> attentionMask)
    {
        var row = new TokenRow(vocabulary, tokenIds, attentionMask);
        // A text never has more UTF-16 units than UTF-8 bytes.
        int longest = LongestLowerCase * text.Length, size = text.Length + longest, ways = longest + 1;
        char[]? borrowedChars = size > OnStack ? ArrayPool<char>.Shared.Rent(size) : null;
        var borrowedWays = ways > OnStack ? ArrayPool<JiebaWords.Way>.Shared.Rent(ways) : null;
        var chars = borrowedChars ?? stackalloc char[OnStack];
        int count = Encoding.UTF8.GetChars(text, chars);
        int loweredCount = ToLower(chars[..count], chars[count..]);
        int length = row.Close(WriteTokens(chars.Slice(count, loweredCount), borrowedWays ?? stackalloc JiebaWords.Way[OnStack], row.Text));
        if (borrowedChars is not null) ArrayPool<char>.Shared.Return(borrowedChars);
        if (borrowedWays is not null) ArrayPool<JiebaWords.Way>.Shared.Return(borrowedWays);
        return length;
    }

    /// <inheritdoc/>
    public WordPieceTokenizer ToTokenizer() => WordPieceForm.Create(vocabulary, AddWords);

    // The package looks for the longest piece first, so a word that is a piece is one token.
    private void AddWords(ReadOnlySpan<char> text, StringBuilder lines)
    {
        char[] lowered = new char[LongestLowerCase * text.Length];
        int length = ToLower(text, lowered);
        var words = new JiebaWords(dictionary, lowered.AsSpan(0, length), new JiebaWords.Way[length + 1]);
        while (words.MoveNext())
        {
            if (vocabulary.TryGetId(words.Current, out _))
                WordPieceForm.AddWord(words.Current, lines);
            else
                WordPieceForm.AddBertWords(words.Current, lines);
        }
    }

    private int WriteTokens(ReadOnlySpan<char> text, Span<JiebaWords.Way> ways, Span<int> ids)
    {
        var words = new JiebaWords(dictionary, text, ways);
        int count = 0;
        while (count < ids.Length && words.MoveNext())
        {
            if (vocabulary.TryGetId(words.Current, out int id))
                ids[count++] = id;
            else
                count += _bert.WritePieces(words.Current, ids[count..]);
        }
        return count;
    }

    // Letter by letter, so no letter depends on its neighbours. Special tokens do not change.
    internal static int ToLower(ReadOnlySpan<char> text, Span<char> lowered)
    {
        int length = 0;
        while (!text.IsEmpty)
        {
            if (Vocabulary.SpecialTokenAtStart(text) is { } special)
            {
                special.CopyTo(lowered[length..]);
                length += special.Length;
                text = text[special.Length..];
                continue;
            }
            Rune.DecodeFromUtf16(text, out var rune, out int units);
            text = text[units..];
            if (rune.Value == CapitalIWithDot)
            {
                lowered[length++] = 'i';
                lowered[length++] = CombiningDotAbove;
            }
            else
            {
                length += Rune.ToLowerInvariant(rune).EncodeToUtf16(lowered[length..]);
            }
        }
        return length;
    }
}
