using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Pretrained;

/// <summary>
/// The tokenizer_config.json of a published encoder. A missing key means the default, which this project's tokenizers
/// implement.
/// </summary>
internal sealed record PublishedTokenizer
{
    public string? TokenizerClass { get; init; }
    public bool? DoLowerCase { get; init; }
    public bool? DoBasicTokenize { get; init; }
    public bool? StripAccents { get; init; }
    public bool? TokenizeChineseChars { get; init; }

    /// <summary>Hugging Face's class of the tokenizer of an encoder.</summary>
    public static string ClassOf(string modelType) => modelType == EncoderConfig.Bert ? "BertTokenizer" : "RoFormerTokenizer";

    /// <summary>
    /// Checks that a file describes the tokenizer that this project uses for an encoder. The file may be missing.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="modelType">Kind of the encoder.</param>
    /// <exception cref="DataException">It describes another tokenizer; the message names file and key.</exception>
    public static void Check(string path, string modelType)
    {
        if (!File.Exists(path))
            return;
        var tokenizer = JsonFile.Parse(path, SmallFile.Read(path), PublishedJson.Default.PublishedTokenizer);
        string expected = ClassOf(modelType);
        if (tokenizer.TokenizerClass is { } name && name != expected && name != $"{expected}Fast")
            throw new DataException($"{path}: tokenizer_class is {Printable.Quote(name)}, but a {modelType} needs {expected}");
        RequireNotFalse(tokenizer.DoLowerCase, "do_lower_case", "only tokenizers that lower-case are supported");
        RequireNotFalse(tokenizer.StripAccents, "strip_accents", "only tokenizers that strip accents are supported");
        RequireNotFalse(tokenizer.DoBasicTokenize, "do_basic_tokenize", "only tokenizers that split at spaces and punctuation are supported");
        RequireNotFalse(tokenizer.TokenizeChineseChars, "tokenize_chinese_chars", "only tokenizers that split Chinese characters are supported");

        void RequireNotFalse(bool? value, string key, string reason)
        {
            if (value == false)
                throw new DataException($"{path}: {key} is false; {reason}");
        }
    }
}
