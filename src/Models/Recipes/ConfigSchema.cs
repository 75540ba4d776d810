using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Recipes;

/// <summary>
/// The JSON schema (draft 2020-12) of the files of --config. Editors read it to complete keys and to mark errors.
/// </summary>
public static class ConfigSchema
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The schema as indented JSON.</summary>
    public static string Text()
    {
        var properties = new JsonObject
        {
            [ConfigFile.SchemaField] = new JsonObject { ["type"] = "string", ["description"] = "address of this schema, for editors" },
            [ConfigFile.PresetField] = new JsonObject { ["enum"] = Array(Preset.Names), ["default"] = Preset.DefaultName, ["description"] = "the preset whose values are changed; --preset counts before it" },
            [ConfigFile.SeedField] = new JsonObject { ["type"] = "integer", ["minimum"] = 0, ["maximum"] = ulong.MaxValue, ["default"] = Preset.DefaultSeed, ["description"] = "key of all random numbers; --seed counts before it" },
        };
        var root = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "Configuration of a training by videosim",
            ["description"] = $"The file of --config. Every key is optional. Defaults are those of the preset {Preset.DefaultName} for the model {ModelZoo.Names[0]}.",
            ["type"] = "object",
            ["properties"] = properties,
            ["additionalProperties"] = false,
        };
        var values = Preset.Names.ToDictionary(static name => name, static name => PresetKeys.ValuesOf(Preset.Load(name, ModelZoo.Names[0], [])).ToDictionary(static pair => pair.Key.Path, static pair => pair.Value));
        foreach (var key in PresetKeys.All.Where(static key => !PresetKeys.IsOfTheModelOption(key.Path)))
        {
            string[] path = key.Path.Split('.');
            Section(properties, path[..^1])[path[^1]] = Describe(key, name => values[name][key.Path]);
        }
        return root.ToJsonString(Indented);
    }

    private static JsonObject Section(JsonObject properties, string[] path)
    {
        foreach (string name in path)
        {
            if (properties[name] is not JsonObject section)
                properties[name] = section = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject(), ["additionalProperties"] = false };
            properties = section["properties"]!.AsObject();
        }
        return properties;
    }

    private static JsonObject Describe(PresetKey key, Func<string, JsonNode> valueIn)
    {
        var schema = new JsonObject();
        if (key.Info.Choices.Count > 0)
            schema["enum"] = Array(key.Info.Choices);
        else
            schema["type"] = key.Type == typeof(int) ? "integer" : key.Type == typeof(bool) ? "boolean" : "number";
        if (key.Info.Range is { } range)
        {
            schema[range.IsLeastOpen ? "exclusiveMinimum" : "minimum"] = range.Least;
            schema[range.IsMostOpen ? "exclusiveMaximum" : "maximum"] = range.Most;
        }
        schema["default"] = valueIn(Preset.DefaultName).DeepClone();
        schema["description"] = $"{key.Info.Meaning}; unit: {key.Info.Unit}; {string.Join(", ", Preset.Names.Select(name => $"{name}: {valueIn(name)}"))}";
        return schema;
    }

    private static JsonArray Array(IEnumerable<string> texts) => [.. texts.Select(static text => (JsonNode)text)];
}
