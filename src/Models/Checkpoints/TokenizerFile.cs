using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Text;

namespace VideoSim.Models.Checkpoints;

/// <summary>
/// tokenizer_config.json and special_tokens_map.json: the tokenizer of a model, in Hugging Face's keys and one key of
/// this project. A model must be used with the tokenizer that it was trained with.
/// </summary>
internal static class TokenizerFile
{
    /// <summary>Writes tokenizer_config.json.</summary>
    /// <param name="stream">Receives the JSON.</param>
    /// <param name="className">Hugging Face's class of the tokenizer.</param>
    /// <param name="vocabulary">Its pieces.</param>
    /// <param name="positions">Positions of the encoder.</param>
    /// <param name="dictionarySha256">Hash of the jieba dictionary; null if there is none or if it is unknown.</param>
    public static void Write(Stream stream, string className, Vocabulary vocabulary, int positions, string? dictionarySha256)
    {
        var json = new JsonObject
        {
            ["tokenizer_class"] = className,
            ["do_lower_case"] = true,
            ["do_basic_tokenize"] = true,
            ["never_split"] = null,
            ["strip_accents"] = null, // null means: with do_lower_case they are removed
            ["tokenize_chinese_chars"] = true,
            ["clean_up_tokenization_spaces"] = true,
            ["model_max_length"] = positions,
        };
        var added = new JsonObject();
        foreach (var (role, id) in Specials(vocabulary).OrderBy(static special => special.Id))
        {
            json[role] = vocabulary[id];
            added[$"{id}"] = new JsonObject
            {
                ["content"] = vocabulary[id], ["lstrip"] = false, ["normalized"] = false, ["rstrip"] = false, ["single_word"] = false, ["special"] = true,
            };
        }
        json["added_tokens_decoder"] = added;
        if (dictionarySha256 is not null)
            json["jieba_dict_sha256"] = dictionarySha256;
        JsonSerializer.Serialize(stream, json, FolderJson.Default.JsonObject);
    }

    /// <summary>Writes special_tokens_map.json.</summary>
    public static void WriteSpecialTokens(Stream stream, Vocabulary vocabulary)
    {
        var json = new JsonObject();
        foreach (var (role, id) in Specials(vocabulary))
            json[role] = vocabulary[id];
        JsonSerializer.Serialize(stream, json, FolderJson.Default.JsonObject);
    }

    /// <summary>
    /// Checks that a tokenizer_config.json describes this tokenizer. Unknown keys come from other programs and are
    /// ignored.
    /// </summary>
    /// <exception cref="DataException">
    /// The file cannot be read, or describes another tokenizer; the message has the difference.
    /// </exception>
    public static void Check(string path, ITokenizer tokenizer)
    {
        var found = JsonFile.Read(path, FolderJson.Default.TokenizerDescription);
        if (found.TokenizerClass != tokenizer.ClassName)
            throw new DataException($"{path}: tokenizer_class is {Printable.Quote(found.TokenizerClass ?? "")}, but the model's encoder needs {tokenizer.ClassName}");
        if (!found.DoLowerCase)
            throw new DataException($"{path}: do_lower_case is false; only tokenizers that lower-case are supported");
        if (found.JiebaDictSha256 != tokenizer.DictionarySha256)
            throw new DataException($"{path}: the model was trained with another jieba dictionary (SHA-256 {Printable.Quote(found.JiebaDictSha256 ?? "unknown")}), not with this one ({tokenizer.DictionarySha256}); choose the dictionary with --jieba-dict");
    }

    private static (string Role, int Id)[] Specials(Vocabulary vocabulary) =>
    [
        ("cls_token", vocabulary.ClassId), ("mask_token", vocabulary.MaskId), ("pad_token", vocabulary.PadId), ("sep_token", vocabulary.SeparatorId),
        ("unk_token", vocabulary.UnknownId),
    ];
}

/// <summary>The keys of tokenizer_config.json that decide about a model's tokens.</summary>
internal sealed record TokenizerDescription
{
    /// <summary>Hugging Face's name of the tokenizer class.</summary>
    public string? TokenizerClass { get; set; }

    /// <summary>Whether text is lower-cased; always true in files of this project.</summary>
    public bool DoLowerCase { get; set; } = true;

    /// <summary>Hash of the jieba dictionary; null for a tokenizer without one.</summary>
    public string? JiebaDictSha256 { get; set; }
}
