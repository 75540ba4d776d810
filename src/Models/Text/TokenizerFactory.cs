using VideoSim.Models.Configuration;

namespace VideoSim.Models.Text;

/// <summary>Selects the tokenizer of a model (docs/reference-system.md, section 2.1).</summary>
public static class TokenizerFactory
{
    /// <summary>The tokenizer of a model.</summary>
    /// <param name="config">The model; its encoder's type decides.</param>
    /// <param name="vocabulary">The pieces and their ids.</param>
    /// <param name="dictionary">
    /// Dictionary of a RoFormer's tokenizer; null for jieba's own. BERT's tokenizer does not use it.
    /// </param>
    public static ITokenizer Create(ModelConfig config, Vocabulary vocabulary, JiebaDictionary? dictionary) =>
        config.Encoder.ModelType == EncoderConfig.RoFormer
            ? new RoFormerTokenizer(vocabulary, dictionary ?? JiebaDictionary.Stock)
            : new BertTokenizer(vocabulary);
}
