using Microsoft.ML.Tokenizers;

namespace VideoSim.Models.Text;

/// <summary>
/// Converts a title to the token ids of a text encoder. <see cref="TokenizerFactory"/> selects the tokenizer of a
/// model. Immutable; any number of threads may share one.
/// </summary>
public interface ITokenizer
{
    /// <summary>The pieces and their ids.</summary>
    Vocabulary Vocabulary { get; }

    /// <summary>Hugging Face's class name of this tokenizer, in tokenizer_config.json.</summary>
    string ClassName { get; }

    /// <summary><see cref="JiebaDictionary.Sha256"/> of the tokenizer's dictionary; null if it has none.</summary>
    string? DictionarySha256 { get; }

    /// <summary>
    /// Writes the row of a text: [CLS], its tokens, [SEP], then [PAD]. Tokens that do not fit are cut off on the
    /// right. Nothing is allocated.
    /// </summary>
    /// <param name="text">UTF-8; malformed sequences are read as U+FFFD.</param>
    /// <param name="tokenIds">The row [T], T at least 2.</param>
    /// <param name="attentionMask">[T]: 1 for each token of the text and for [CLS] and [SEP], 0 for padding.</param>
    /// <returns>The number of positions that are not padding.</returns>
    int Encode(ReadOnlySpan<byte> text, Span<int> tokenIds, Span<int> attentionMask);

    /// <summary>
    /// The same rules as a tokenizer of Microsoft.ML.Tokenizers, for any .NET program. Its ids are those of the tokens
    /// of the text, without [CLS], [SEP] and [PAD].
    /// </summary>
    /// <remarks>
    /// It allocates strings and lists, so training uses <see cref="Encode"/>. Offsets of tokens are places in the
    /// normalized text, not in the original one. With a limit of tokens the package drops a whole word that does not
    /// fit; <see cref="Encode"/> keeps the tokens of it that fit.
    /// </remarks>
    WordPieceTokenizer ToTokenizer();
}
