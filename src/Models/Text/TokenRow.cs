namespace VideoSim.Models.Text;

/// <summary>One title's row in a batch, with the special tokens around the tokens of the text.</summary>
internal readonly ref struct TokenRow
{
    private readonly Vocabulary _vocabulary;
    private readonly Span<int> _tokenIds, _attentionMask;

    /// <summary>A row that is not yet written.</summary>
    /// <param name="vocabulary">The vocabulary, for the special ids.</param>
    /// <param name="tokenIds">The row [T], T at least 2.</param>
    /// <param name="attentionMask">The row's mask [T].</param>
    public TokenRow(Vocabulary vocabulary, Span<int> tokenIds, Span<int> attentionMask)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokenIds.Length, 2, nameof(tokenIds));
        ArgumentOutOfRangeException.ThrowIfNotEqual(attentionMask.Length, tokenIds.Length, nameof(attentionMask));
        _vocabulary = vocabulary;
        _tokenIds = tokenIds;
        _attentionMask = attentionMask;
    }

    /// <summary>The part of the row for the tokens of the text [T - 2].</summary>
    public Span<int> Text => _tokenIds[1..^1];

    /// <summary>Writes everything but the tokens of the text.</summary>
    /// <param name="count">Number of tokens of the text.</param>
    /// <returns>The number of positions that are not padding.</returns>
    public int Close(int count)
    {
        int length = count + 2;
        _tokenIds[0] = _vocabulary.ClassId;
        _tokenIds[length - 1] = _vocabulary.SeparatorId;
        _tokenIds[length..].Fill(_vocabulary.PadId);
        _attentionMask[..length].Fill(1);
        _attentionMask[length..].Clear();
        return length;
    }
}
