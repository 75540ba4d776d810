using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace VideoSim.Models.Text;

/// <summary>
/// The tokenizer of an uncased BERT. The ids are those of Hugging Face's fast tokenizer (docs/adr/0012).
/// </summary>
/// <remarks>
/// A text is split into words (<see cref="BertWords"/>). A word is split greedily into the longest pieces of the
/// vocabulary. A word that cannot be split into pieces, or is longer than <see cref="BertWords.LongestWord"/>, becomes
/// one [UNK].
/// </remarks>
/// <param name="vocabulary">The pieces and their ids.</param>
public sealed class BertTokenizer(Vocabulary vocabulary) : ITokenizer
{
    // Titles are shorter. Longer texts use a buffer from the pool.
    private const int CharsOnStack = 512;

    /// <inheritdoc/>
    public Vocabulary Vocabulary => vocabulary;

    /// <inheritdoc/>
    public string ClassName => nameof(BertTokenizer);

    /// <inheritdoc/>
    public string? DictionarySha256 => null;

    /// <inheritdoc/>
    public int Encode(ReadOnlySpan<byte> text, Span<int> tokenIds, Span<int> attentionMask)
    {
        // A text never has more UTF-16 units than UTF-8 bytes.
        char[]? borrowed = text.Length > CharsOnStack ? ArrayPool<char>.Shared.Rent(text.Length) : null;
        var utf16 = borrowed ?? stackalloc char[CharsOnStack];
        int length = Encode(utf16[..Encoding.UTF8.GetChars(text, utf16)], tokenIds, attentionMask);
        if (borrowed is not null) ArrayPool<char>.Shared.Return(borrowed);
        return length;
    }

    /// <summary>Writes the row of a text in UTF-16. A lone surrogate is read as U+FFFD.</summary>
    public int Encode(ReadOnlySpan<char> text, Span<int> tokenIds, Span<int> attentionMask)
    {
        var row = new TokenRow(vocabulary, tokenIds, attentionMask);
        return row.Close(WritePieces(text, row.Text));
    }

    /// <inheritdoc/>
    public WordPieceTokenizer ToTokenizer() => WordPieceForm.Create(vocabulary, WordPieceForm.AddBertWords);

    /// <summary>Writes the pieces of a text, as many as fit.</summary>
    /// <returns>The number of ids written.</returns>
    internal int WritePieces(ReadOnlySpan<char> text, Span<int> ids)
    {
        var words = new BertWords(text, stackalloc char[BertWords.BufferLength]);
        int count = 0;
        while (count < ids.Length && words.MoveNext())
            count += WriteWord(words.IsTooLong ? default : words.Current, ids[count..]);
        return count;
    }

    /// <summary>Writes as many pieces of a word as fit. An empty word stands for a word that is too long.</summary>
    private int WriteWord(ReadOnlySpan<char> word, Span<int> ids)
    {
        int count = 0;
        for (int start = 0; start < word.Length;)
        {
            int length = vocabulary.LongestPiece(word[start..], continuesWord: start > 0, out int id);
            if (length == 0)
            {
                count = 0;
                break;
            }
            if (count < ids.Length) ids[count++] = id;
            start += length;
        }
        if (count == 0) ids[count++] = vocabulary.UnknownId;
        return count;
    }
}
