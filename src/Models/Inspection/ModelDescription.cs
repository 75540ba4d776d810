using System.Text.Json.Serialization;
using VideoSim.Models.Configuration;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Inspection;

/// <summary>
/// Trainable parameters of a model by block, as <c>inspect</c> shows them (docs/reference-system.md, section 3.10).
/// </summary>
/// <param name="Model">Name of the model.</param>
/// <param name="Blocks">Trainable parameters of each block; running statistics are not counted.</param>
/// <param name="Total">Their sum.</param>
public sealed record ModelDescription(string Model, IReadOnlyDictionary<string, long> Blocks, long Total)
{
    /// <summary>Counts a model of the given sizes without allocating it.</summary>
    public static ModelDescription Of(ModelConfig config)
    {
        using var parameters = ModelZoo.Create(config).Parameters;
        var blocks = new Dictionary<string, long>();
        foreach (var part in parameters.Parameters.SelectMany(parameter => parameter.Parts))
        {
            string block = BlockOf(part.Name);
            blocks[block] = blocks.GetValueOrDefault(block) + part.Shape.Count;
        }
        return new ModelDescription(config.Model, blocks, blocks.Values.Sum());
    }

    // The first words of a name: bert.embeddings, bert.encoder, bert.pooler, text_map, gate.norm, experts.0.vlad, ...
    private static string BlockOf(string name)
    {
        string[] words = name.Split('.');
        int count = words[0] switch { "experts" => 3, "bert" or "roformer" or "gate" => 2, _ => 1 };
        return string.Join('.', words[..count]);
    }
}

/// <summary>JSON of descriptions.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ModelDescription))]
public sealed partial class DescriptionJson : JsonSerializerContext;
