using System.Text.Json.Serialization;

namespace VideoSim.Models.Configuration;

/// <summary>
/// JSON of configurations: snake_case, unknown keys refused. Properties with a default have setters. The generated
/// deserializer overwrites init-only properties that are missing in the JSON.
/// </summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ModelConfig))]
[JsonSerializable(typeof(TrainingConfig))]
public sealed partial class ConfigurationJson : JsonSerializerContext;
