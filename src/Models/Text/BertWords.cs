using System.Text;

namespace VideoSim.Models.Text;

/// <summary>
/// Splits text into words for BERT's vocabulary and normalises them (<see cref="CharacterRules"/>). Special tokens
/// that occur literally in the text stay whole. Use: <c>while (words.MoveNext()) ... words.Current</c>.
/// </summary>
/// <remarks>
/// A lone surrogate is read as U+FFFD, which is dropped. A caller that has to refuse it checks before.
/// </remarks>
internal ref struct BertWords
{
    /// <summary>A word with more code points is not split into pieces (the reference's limit).</summary>
    public const int LongestWord = 100;

    /// <summary>The length of the buffer that is needed, in UTF-16 code units.</summary>
    public const int BufferLength = 2 * LongestWord;

    private readonly Span<char> _buffer;
    private ReadOnlySpan<char> _rest;
    private int _length;
    private int _codePoints;

    /// <summary>Starts at the beginning of a text.</summary>
    /// <param name="text">UTF-16.</param>
    /// <param name="buffer">At least <see cref="BufferLength"/> characters, for the current word.</param>
    public BertWords(ReadOnlySpan<char> text, Span<char> buffer)
    {
        _rest = text;
        _buffer = buffer;
    }

    /// <summary>The word; valid until the next move. It has no meaning if <see cref="IsTooLong"/>.</summary>
    public readonly ReadOnlySpan<char> Current => _buffer[.._length];

    /// <summary>Whether the word has more than <see cref="LongestWord"/> code points.</summary>
    public readonly bool IsTooLong => _codePoints > LongestWord;

    /// <summary>Moves to the next word; false at the end of the text.</summary>
    public bool MoveNext()
    {
        _length = _codePoints = 0;
        while (!_rest.IsEmpty)
        {
            if (Vocabulary.SpecialTokenAtStart(_rest) is { } special)
            {
                if (_codePoints > 0) return true;
                special.CopyTo(_buffer);
                _length = _codePoints = special.Length;
                _rest = _rest[special.Length..];
                return true;
            }
            Rune.DecodeFromUtf16(_rest, out var rune, out int units);
            int codePoint = rune.Value;
            ushort rule = CharacterRules.Of(codePoint);
            if (CharacterRules.IsReplaced(rule))
            {
                int first = CharacterRules.Replacement(codePoint, rule, 0);
                if (CharacterRules.Of(first) == CharacterRules.Alone) (codePoint, rule) = (first, CharacterRules.Alone);
            }
            if (rule is CharacterRules.Space or CharacterRules.Alone && _codePoints > 0) return true;
            _rest = _rest[units..];
            if (rule is CharacterRules.Text or CharacterRules.Alone) Append(codePoint);
            if (rule == CharacterRules.Alone) return true;
            if (CharacterRules.IsReplaced(rule))
            {
                for (int i = 0; CharacterRules.Replacement(codePoint, rule, i) is >= 0 and int part; i++) Append(part);
            }
        }
        return _codePoints > 0;
    }

    private void Append(int codePoint)
    {
        _codePoints++;
        if (!IsTooLong) _length += new Rune(codePoint).EncodeToUtf16(_buffer[_length..]);
    }
}
