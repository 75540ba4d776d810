using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Text;

namespace VideoSim.Models.Checkpoints;

/// <summary>
/// tokenizer_config.json: the tokenizer of a model, in Hugging Face's keys and one key of this project. A model must
/// be used with the tokenizer that it was trained with.
/// </summary>
internal static class TokenizerFile
{
    /// <summary>Writes the description of a tokenizer.</summary>
    public static void Write(Stream stream, ITokenizer tokenizer) => JsonSerializer.Serialize(stream, Describe(tokenizer), TokenizerJson.Default.TokenizerDescription);

    /// <summary>
    /// Checks that a file describes this tokenizer. Unknown keys come from other programs and are ignored.
    /// </summary>
    /// <exception cref="DataException">
    /// The file cannot be read, or describes another tokenizer; the message has the difference.
    /// </exception>
    public static void Check(string path, ITokenizer tokenizer)
    {
        TokenizerDescription found = JsonFile.Read(path, TokenizerJson.Default.TokenizerDescription), expected = Describe(tokenizer);
        if (found.TokenizerClass != expected.TokenizerClass)
            throw new DataException($"{path}: tokenizer_class is {Printable.Quote(found.TokenizerClass ?? "")}, but the model's encoder needs {expected.TokenizerClass}");
        if (!found.DoLowerCase)
            throw new DataException($"{path}: do_lower_case is false; only tokenizers that lower-case are supported");
        if (found.JiebaDictSha256 != expected.JiebaDictSha256)
            throw new DataException($"{path}: the model was trained with another jieba dictionary (SHA-256 {Printable.Quote(found.JiebaDictSha256 ?? "unknown")}), not with this one ({expected.JiebaDictSha256}); choose the dictionary with --jieba-dict");
    }

    private static TokenizerDescription Describe(ITokenizer tokenizer) => new()
    {
        TokenizerClass = tokenizer.ClassName,
        JiebaDictSha256 = tokenizer.DictionarySha256,
    };
}

/// <summary>The content of tokenizer_config.json.</summary>
internal sealed record TokenizerDescription
{
    /// <summary>Hugging Face's name of the tokenizer class.</summary>
    public string? TokenizerClass { get; set; }

    /// <summary>Whether text is lower-cased; always true in files of this project.</summary>
    public bool DoLowerCase { get; set; } = true;

    /// <summary>Hash of the jieba dictionary; null for a tokenizer without one.</summary>
    public string? JiebaDictSha256 { get; set; }
}

/// <summary>JSON of tokenizer_config.json.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TokenizerDescription))]
internal sealed partial class TokenizerJson : JsonSerializerContext;
