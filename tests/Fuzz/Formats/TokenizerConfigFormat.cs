using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Text;

namespace VideoSim.Fuzz.Formats;

/// <summary>tokenizer_config.json of model folders and of published encoders.</summary>
internal sealed class TokenizerConfigFormat() : Format("tokenizer-config", "tokenizer_config.json", "TokenizerFile, PublishedTokenizer: model folders, --text-encoder, convert")
{
    private readonly BertTokenizer _tokenizer = new(Vocabulary.Parse("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"u8, "vocab.txt"));

    public override IEnumerable<byte[]> Seeds() => [ModelFolderFiles.FileOf(ModelFolderFiles.Bert, FileName), PublishedFiles.Read(FileName)];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Json(input);

    public override void Read(string path, byte[] input)
    {
        DataException? refusal = null;
        try
        {
            PublishedTokenizer.Check(path, "bert");
        }
        catch (DataException e)
        {
            refusal = e;
        }
        if (refusal is null)
            Check(JsonOracle.Strict(input), "strip_accents", "do_basic_tokenize", "tokenize_chinese_chars");
        TokenizerFile.Check(path, _tokenizer);
        Check(JsonOracle.Strict(input));
        if (refusal is not null)
            throw refusal;
    }

    private static void Check(JsonElement json, params ReadOnlySpan<string> keys)
    {
        Expect.That(!json.TryGetProperty("tokenizer_class", out var name) || name.ValueKind == JsonValueKind.Null || name.GetString() is "BertTokenizer" or "BertTokenizerFast", "another tokenizer was taken");
        foreach (string key in (ReadOnlySpan<string>)["do_lower_case", .. keys])
            Expect.That(!json.TryGetProperty(key, out var value) || value.ValueKind is JsonValueKind.True or JsonValueKind.Null, "another tokenizer was taken", key);
    }
}
