using System.Buffers;
using System.Text;

namespace VideoSim.Models.Text;

/// <summary>
/// Turns a title into the token ids of an uncased BERT: [CLS], pieces of the text, [SEP], then [PAD] to the end of the row.
/// The ids are those of Hugging Face's fast tokenizer (docs/adr/0002). Immutable; any number of threads may share one.
/// </summary>
/// <remarks>A text is cut into words (<see cref="BertWords"/>), a word greedily into the longest pieces the vocabulary has; a word that
/// cannot be made up of pieces, or is longer than <see cref="BertWords.LongestWord"/>, becomes one [UNK].</remarks>
/// <param name="vocabulary">The pieces and their ids.</param>
public sealed class BertTokenizer(Vocabulary vocabulary)
{
    // Titles are shorter; what is longer borrows from the pool. UTF-8 takes at most three bytes for a UTF-16 code unit.
    private const int BytesOnStack = 1024;
    private const int MaximumBytesPerChar = 3;

    /// <summary>The pieces and their ids.</summary>
    public Vocabulary Vocabulary => vocabulary;

    /// <summary>Writes the row of a text, cut on the right where it does not fit. Allocates nothing.</summary>
    /// <param name="text">UTF-8; sequences that are not well formed are passed over.</param>
    /// <param name="tokenIds">The row [T], T at least 2.</param>
    /// <param name="attentionMask">[T]: 1 for each token of the text and for [CLS] and [SEP], 0 for padding.</param>
    /// <returns>The number of positions that are not padding.</returns>
    public int Encode(ReadOnlySpan<byte> text, Span<int> tokenIds, Span<int> attentionMask)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokenIds.Length, 2, nameof(tokenIds));
        ArgumentOutOfRangeException.ThrowIfNotEqual(attentionMask.Length, tokenIds.Length, nameof(attentionMask));
        int length = WritePieces(text, tokenIds[1..^1]) + 2;
        tokenIds[0] = vocabulary.ClassId;
        tokenIds[length - 1] = vocabulary.SeparatorId;
        tokenIds[length..].Fill(vocabulary.PadId);
        attentionMask[..length].Fill(1);
        attentionMask[length..].Clear();
        return length;
    }

    /// <summary>Writes the row of a text given in UTF-16, lone surrogates being passed over; otherwise the same.</summary>
    public int Encode(ReadOnlySpan<char> text, Span<int> tokenIds, Span<int> attentionMask)
    {
        int capacity = text.Length * MaximumBytesPerChar;
        byte[]? borrowed = capacity > BytesOnStack ? ArrayPool<byte>.Shared.Rent(capacity) : null;
        Span<byte> utf8 = borrowed ?? stackalloc byte[BytesOnStack];
        int length = Encode(utf8[..Encoding.UTF8.GetBytes(text, utf8)], tokenIds, attentionMask);
        if (borrowed is not null) ArrayPool<byte>.Shared.Return(borrowed);
        return length;
    }

    private int WritePieces(ReadOnlySpan<byte> text, Span<int> ids)
    {
        var words = new BertWords(text, stackalloc char[BertWords.BufferLength]);
        int count = 0;
        while (count < ids.Length && words.MoveNext())
            count += WriteWord(words.IsTooLong ? default : words.Current, ids[count..]);
        return count;
    }

    /// <summary>Writes as many pieces of a word as fit; an empty word stands for one that is not looked at.</summary>
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
