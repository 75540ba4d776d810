using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Pretrained;

namespace VideoSim.Fuzz.Formats;

/// <summary>config.json of a published encoder beside its valid files.</summary>
internal sealed class PublishedConfigFormat() : Format("encoder-config", "config.json", "PublishedConfig, PretrainedFolder.Open: --text-encoder, convert")
{
    public override IEnumerable<byte[]> Seeds() =>
    [
        PublishedFiles.Read(FileName), """{"architectures":["BertForMaskedLM"],"num_attention_heads":2,"vocab_size":21128,"is_decoder":false,"rotary_value":false,"layer_norm_eps":1e-5}"""u8.ToArray(),
    ];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Json(input);

    public override void Prepare(string folder)
    {
        PublishedFiles.Copy(folder, "vocab.txt", "plain.safetensors");
        File.Move(Path.Combine(folder, "plain.safetensors"), Path.Combine(folder, "model.safetensors"), overwrite: true);
    }

    public override void Read(string path, byte[] input)
    {
        var config = PublishedConfig.Read(path);
        var json = JsonOracle.Strict(input);
        // A key that is missing or null has no value to compare.
        foreach (var (key, value) in new (string, object?)[] { ("hidden_size", config.HiddenSize), ("num_attention_heads", config.NumAttentionHeads), ("max_position_embeddings", config.MaxPositionEmbeddings), ("layer_norm_eps", config.LayerNormEps), ("initializer_range", config.InitializerRange) })
        {
            if (json.TryGetProperty(key, out var found) && found.ValueKind != System.Text.Json.JsonValueKind.Null)
                Expect.That(value switch { int whole => whole == found.GetInt64(), float number => number == found.GetSingle(), double number => number == found.GetDouble(), _ => false }, $"{key} is another number", found.GetRawText());
        }
        using var folder = PretrainedFolder.Open(Path.GetDirectoryName(path)!);
        var encoder = folder.Encoder;
        Expect.That(float.IsFinite(encoder.LayerNormEps) && encoder.LayerNormEps > 0 && double.IsFinite(encoder.InitializerRange) && encoder.NumAttentionHeads > 0 && encoder.HiddenSize % encoder.NumAttentionHeads == 0, "sizes that do not fit were taken");
        foreach (string note in folder.Notes)
            Expect.That(Execution.FaultOf(note) is null, "a note has unprintable characters", note);
    }
}
