using System.Text.Json;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;

namespace VideoSim.Fuzz.Formats;

/// <summary>
/// config.json of a model folder, beside valid files of one model. What is taken is compared with JsonDocument.
/// </summary>
internal sealed class ModelConfigFormat() : Format("model-config", "config.json", "Checkpoints.ConfigFile, ModelFolder.Open: --checkpoint, --pretrained")
{
    public override IEnumerable<byte[]> Seeds() => [ModelFolderFiles.FileOf(ModelFolderFiles.Bert, FileName)];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Json(input);

    public override void Prepare(string folder) => ModelFolderFiles.Write(folder, ModelFolderFiles.Bert);

    public override void Read(string path, byte[] input)
    {
        var config = ModelFolder.Open(Path.GetDirectoryName(path)!).Configuration;
        var json = JsonOracle.Strict(input);
        var own = json.TryGetProperty("videosim", out var sizes) && sizes.ValueKind == JsonValueKind.Object ? sizes : json;
        // An encoder inside the model's object is that of the earlier layout.
        bool isEarlier = own.TryGetProperty("encoder", out var encoder);
        JsonOracle.Same(config, ConfigurationJson.Default.ModelConfig, own);
        JsonOracle.Same(config.Encoder, ConfigurationJson.Default.EncoderConfig, isEarlier ? encoder : json);
    }
}
