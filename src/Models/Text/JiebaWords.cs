using System.Text;

namespace VideoSim.Models.Text;

/// <summary>
/// Splits text into words like jieba without its hidden Markov model. A block of ideographs, ASCII letters, digits and
/// <c>+#&amp;._%-</c> is split into dictionary words in the most probable way. Adjacent letters and digits that are
/// single words in this split are joined. Outside of blocks every character is a word, and so is a whole special
/// token. The words cover the text without gaps. Use: <c>while (words.MoveNext()) ... words.Current</c>.
/// </summary>
/// <remarks>
/// Logarithms of probabilities are added in jieba's order, so the same ties occur. A tie goes to the longer word.
/// </remarks>
internal ref struct JiebaWords
{
    private const char FirstIdeograph = '\u4E00', LastIdeograph = '\u9FD5';

    private readonly JiebaDictionary _dictionary;
    private readonly ReadOnlySpan<char> _text;
    private readonly Span<Way> _ways;
    private int _start, _end, _blockEnd;

    /// <summary>Starts at the beginning of a text.</summary>
    /// <param name="dictionary">The words.</param>
    /// <param name="text">UTF-16.</param>
    /// <param name="ways">Work space: one entry more than the text has characters.</param>
    public JiebaWords(JiebaDictionary dictionary, ReadOnlySpan<char> text, Span<Way> ways)
    {
        _dictionary = dictionary;
        _text = text;
        _ways = ways;
    }

    /// <summary>The most probable split from a position of the text to the end of its block.</summary>
    /// <param name="Score">Logarithm of its probability.</param>
    /// <param name="End">End of its first word.</param>
    internal readonly record struct Way(double Score, int End);

    /// <summary>The word.</summary>
    public readonly ReadOnlySpan<char> Current => _text[_start.._end];

    /// <summary>Moves to the next word; false at the end of the text.</summary>
    public bool MoveNext()
    {
        _start = _end;
        if (_start == _text.Length) return false;
        if (_start >= _blockEnd) FindWays();
        _end = _start < _blockEnd ? EndInBlock() : EndOutside();
        return true;
    }

    // Finds the block that begins here, which may be empty. Finds the best split from each position in it, from the
    // last to the first.
    private void FindWays()
    {
        _blockEnd = _start;
        while (_blockEnd < _text.Length && IsInBlock(_text[_blockEnd])) _blockEnd++;
        _ways[_blockEnd] = default;
        for (int start = _blockEnd - 1; start >= _start; start--)
        {
            var best = new Way(double.NegativeInfinity, start);
            int prefix = PrefixTable.Root;
            for (int end = start + 1; end <= _blockEnd; end++)
            {
                prefix = _dictionary.Extend(prefix, _text[end - 1]);
                if (prefix == PrefixTable.NotFound) break;
                double score = _dictionary.Score(prefix) + _ways[end].Score;
                if (score >= best.Score) best = new Way(score, end);
            }
            _ways[start] = best.End > start ? best : new Way(_dictionary.UnknownScore + _ways[start + 1].Score, start + 1);
        }
    }

    private readonly int EndInBlock()
    {
        int end = _start;
        while (end < _blockEnd && _ways[end].End == end + 1 && char.IsAsciiLetterOrDigit(_text[end])) end++;
        return end > _start ? end : _ways[_start].End;
    }

    private readonly int EndOutside()
    {
        var rest = _text[_start..];
        if (Vocabulary.SpecialTokenAtStart(rest) is { } special) return _start + special.Length;
        if (rest.StartsWith("\r\n")) return _start + 2;
        Rune.DecodeFromUtf16(rest, out _, out int units);
        return _start + units;
    }

    private static bool IsInBlock(char c) =>
        c is >= FirstIdeograph and <= LastIdeograph or '+' or '#' or '&' or '.' or '_' or '%' or '-' || char.IsAsciiLetterOrDigit(c);
}
