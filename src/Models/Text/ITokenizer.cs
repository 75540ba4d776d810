namespace VideoSim.Models.Text;

/// <summary>
/// Turns a title into the token ids of a text encoder. Which encoder has which: <see cref="TokenizerFactory"/>. Immutable; any
/// number of threads may share one.
/// </summary>
public interface ITokenizer
{
    /// <summary>The pieces and their ids.</summary>
    Vocabulary Vocabulary { get; }

    /// <summary>What Hugging Face calls this kind of tokenizer, in tokenizer_config.json.</summary>
    string ClassName { get; }

    /// <summary><see cref="JiebaDictionary.Sha256"/> of the dictionary that words are found with; null where there is none.</summary>
    string? DictionarySha256 { get; }

    /// <summary>
    /// Writes the row of a text: [CLS], its tokens, cut on the right where they do not fit, [SEP], then [PAD]. Allocates nothing.
    /// </summary>
    /// <param name="text">UTF-8; sequences that are not well formed read as U+FFFD.</param>
    /// <param name="tokenIds">The row [T], T at least 2.</param>
    /// <param name="attentionMask">[T]: 1 for each token of the text and for [CLS] and [SEP], 0 for padding.</param>
    /// <returns>The number of positions that are not padding.</returns>
    int Encode(ReadOnlySpan<byte> text, Span<int> tokenIds, Span<int> attentionMask);
}
