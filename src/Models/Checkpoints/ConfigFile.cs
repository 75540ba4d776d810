using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Configuration;
using VideoSim.Models.Pretrained;

namespace VideoSim.Models.Checkpoints;

/// <summary>
/// config.json of a model folder. Its keys describe the text encoder as Hugging Face does, so programs for published
/// encoders can read it. The object <c>videosim</c> has all other sizes.
/// </summary>
internal static class ConfigFile
{
    private const string Own = "videosim", Encoder = "encoder";

    /// <summary>Writes the file.</summary>
    /// <param name="stream">Receives the JSON.</param>
    /// <param name="config">The sizes.</param>
    /// <param name="padId">Id of the token that fills a row.</param>
    public static void Write(Stream stream, ModelConfig config, int padId)
    {
        var own = JsonSerializer.SerializeToNode(config, ConfigurationJson.Default.ModelConfig)!.AsObject();
        var encoder = own[Encoder]!.AsObject();
        own.Remove(Encoder);
        bool isBert = config.Encoder.ModelType == EncoderConfig.Bert;
        var json = new JsonObject { ["architectures"] = new JsonArray(isBert ? "BertModel" : "RoFormerModel") };
        foreach (var (key, value) in encoder)
            json[key] = value!.DeepClone();
        json["hidden_act"] = "gelu";
        json["pad_token_id"] = padId;
        if (isBert)
            json["position_embedding_type"] = "absolute";
        else
            (json["embedding_size"], json["rotary_value"]) = (config.Encoder.HiddenSize, false);
        json["torch_dtype"] = "float32";
        json[Own] = own;
        JsonSerializer.Serialize(stream, json, FolderJson.Default.JsonObject);
    }

    /// <summary>
    /// Reads the sizes. Files of the earlier layout, with the encoder in an object of its own, are read too.
    /// </summary>
    /// <exception cref="DataException">
    /// The file is missing or damaged, or describes an encoder that this project does not support; the message names
    /// the file.
    /// </exception>
    public static ModelConfig Read(string path)
    {
        byte[] bytes = SmallFile.Read(path);
        var json = JsonFile.ParseObject(path, bytes);
        if (json[Own] is null && json[Encoder] is not null)
            return Complete(path, path, json, JsonFile.Parse(path, bytes, ConfigurationJson.Default.ModelConfig));
        var own = json[Own] as JsonObject ?? throw new DataException($"{path}: has no object {Own}, so this is not the folder of a model{AdviceForEncoder(path, json)}");
        if (own.ContainsKey(Encoder))
            throw new DataException($"{path}: {Own}: there is no key '{Encoder}'");
        var published = PublishedConfig.Parse(path, bytes); // checks that this project supports the encoder
        var encoder = JsonFile.Parse(path, bytes, FolderJson.Default.EncoderConfig) with { ModelType = published.ModelType! };
        ConfigKeys.Require(encoder, ConfigurationJson.Default.EncoderConfig, $"{path}: {Encoder}.");
        own[Encoder] = JsonSerializer.SerializeToNode(encoder, ConfigurationJson.Default.EncoderConfig);
        try
        {
            return Complete(path, $"{path}: {Own}", own, own.Deserialize(ConfigurationJson.Default.ModelConfig)!);
        }
        catch (JsonException e)
        {
            // The line would be that of a text without line breaks.
            throw new DataException($"{path}: {Own}: {JsonFailure.Reason(new JsonException(e.Message, e.Path, null, null))}", e);
        }
    }

    /// <summary>Whether a config.json describes a model, and not an encoder alone.</summary>
    public static bool IsOfModel(JsonObject config) => config.ContainsKey(Own);

    private static string AdviceForEncoder(string path, JsonObject json) => !IsOfModel(json) && json["model_type"] is JsonValue type && type.TryGetValue(out string? name) && name is EncoderConfig.Bert or EncoderConfig.RoFormer
        ? $" but that of a published text encoder; use it as pretrain --encoder {Printable.Whole(Path.GetDirectoryName(path)!)}" : "";

    // A size that is missing would silently be that of the published models, and no tensor's shape shows it.
    private static ModelConfig Complete(string path, string place, JsonObject found, ModelConfig config)
    {
        config.RequireRanges($"{path}: ");
        var all = JsonSerializer.SerializeToNode(config, ConfigurationJson.Default.ModelConfig)!.AsObject();
        string[] missing = [.. all.Select(static entry => entry.Key).Where(key => !found.ContainsKey(key))];
        return missing.Length == 0 ? config : throw new DataException($"{place}: lacks {string.Join(", ", missing.Select(Printable.Quote))}");
    }
}

/// <summary>JSON of a model folder. Keys of other programs are ignored.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(EncoderConfig))]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(TokenizerDescription))]
internal sealed partial class FolderJson : JsonSerializerContext;
