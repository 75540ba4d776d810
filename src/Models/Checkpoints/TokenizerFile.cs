using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Text;

namespace VideoSim.Models.Checkpoints;

/// <summary>
/// tokenizer_config.json: how a model's titles were cut up, in Hugging Face's keys and one of ours. A model that is read again must cut them up the same.
/// </summary>
internal static class TokenizerFile
{
    /// <summary>Writes what there is to say about a tokenizer.</summary>
    public static void Write(Stream stream, ITokenizer tokenizer) => JsonSerializer.Serialize(stream, Describe(tokenizer), TokenizerJson.Default.TokenizerDescription);

    /// <summary>Checks that a file describes this tokenizer; keys that it does not know are other programs'.</summary>
    /// <exception cref="DataException">The file cannot be read, or describes another one; the message says how they differ.</exception>
    public static void Check(string path, ITokenizer tokenizer)
    {
        TokenizerDescription found;
        try
        {
            found = JsonSerializer.Deserialize(FileFailure.ReadAllBytes(path), TokenizerJson.Default.TokenizerDescription)
                ?? throw new DataException($"{path}: holds nothing");
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}: {JsonFailure.Reason(e)}", e);
        }
        var expected = Describe(tokenizer);
        if (found.TokenizerClass != expected.TokenizerClass)
            throw new DataException($"{path}: tokenizer_class is {Printable.Quote(found.TokenizerClass ?? "")}, but the model's encoder goes with {expected.TokenizerClass}");
        if (!found.DoLowerCase)
            throw new DataException($"{path}: do_lower_case is off; only lower-casing tokenizers are known");
        if (found.JiebaDictSha256 != expected.JiebaDictSha256)
            throw new DataException($"{path}: the model was trained with another jieba dictionary (SHA-256 {Printable.Quote(found.JiebaDictSha256 ?? "unknown")}) than this one ({expected.JiebaDictSha256}); --jieba-dict names the one to use");
    }

    private static TokenizerDescription Describe(ITokenizer tokenizer) => new()
    {
        TokenizerClass = tokenizer.ClassName,
        JiebaDictSha256 = tokenizer.DictionarySha256,
    };
}

/// <summary>What tokenizer_config.json holds.</summary>
internal sealed record TokenizerDescription
{
    /// <summary>Hugging Face's name of the kind.</summary>
    public string? TokenizerClass { get; set; }

    /// <summary>Whether text is lower-cased; ours always is.</summary>
    public bool DoLowerCase { get; set; } = true;

    /// <summary>Hash of the dictionary, for the kind that has one.</summary>
    public string? JiebaDictSha256 { get; set; }
}

/// <summary>JSON of tokenizer_config.json.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TokenizerDescription))]
internal sealed partial class TokenizerJson : JsonSerializerContext;
