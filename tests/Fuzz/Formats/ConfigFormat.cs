using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Recipes;

namespace VideoSim.Fuzz.Formats;

/// <summary>Files of --config. Every key of the preset must have the file's value.</summary>
internal sealed class ConfigFormat() : Format("config", "recipe.json", "Recipes.ConfigFile, Preset.Load: --config")
{
    public override IEnumerable<byte[]> Seeds() =>
    [
        """{"preset":"micro","seed":7,"model":{"frames":4,"encoder":{"hidden_size":32}},"pretrain":{"batch":2,"rate":1e-4,"on_nan":"rollback","losses":{"tag_weight":0.5}}}"""u8.ToArray(),
        """{"$schema":"x","finetune":{"precision":"fp32","steps":3},"folds":2}"""u8.ToArray(),
    ];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Json(input);

    public override void Read(string path, byte[] input)
    {
        var file = ConfigFile.Read(path);
        var json = JsonOracle.Strict(input);
        foreach (var one in file.Overrides)
            Expect.That(Same(Find(json, one.Key), one.Value), $"{one.Key} has another value", one.Text);
        if (json.TryGetProperty("seed", out var seed))
            Expect.Equal(seed.GetUInt64(), file.Seed, "seed");
        try
        {
            RecipeOracle.Check(Preset.Load(file.Preset ?? "micro", "mix", file.Overrides), file.Overrides);
        }
        catch (DataException e)
        {
            throw new DataException($"{path}: {e.Message}", e); // values that do not fit together are named by their keys
        }
    }

    private static JsonElement Find(JsonElement json, string path) => path.Split('.').Aggregate(json, static (section, name) => section.GetProperty(name));

    private static bool Same(JsonElement text, JsonNode? read) => text.ValueKind == JsonValueKind.Number ? read!.GetValueKind() == JsonValueKind.Number && double.Parse(read.ToJsonString(), CultureInfo.InvariantCulture) == text.GetDouble()
        : text.ValueKind == JsonValueKind.String ? read!.GetValueKind() == JsonValueKind.String && read.GetValue<string>() == text.GetString()
        : text.ValueKind == read?.GetValueKind();
}
