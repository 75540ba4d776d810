using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Recipes;

/// <summary>
/// The file of --config: the sections of a preset with some of their keys, and optionally <c>preset</c>, <c>seed</c>
/// and <c>$schema</c>. docs/config.schema.json describes it.
/// </summary>
/// <param name="Preset">Name of the preset, or null.</param>
/// <param name="Seed">Key of all random numbers, or null.</param>
/// <param name="Overrides">Its keys and values, in the order of the file.</param>
public sealed record ConfigFile(string? Preset, ulong? Seed, IReadOnlyList<Override> Overrides)
{
    /// <summary>Keys beside those of a preset.</summary>
    public const string SchemaField = "$schema", PresetField = "preset", SeedField = "seed";

    private static readonly FileLimit Limit = new("a file of keys", 1); // all keys of a preset take a few thousand bytes

    /// <summary>Reads a file.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="DataException">
    /// It cannot be read or is not such a file, or a key is unknown or takes another value; the message names file and
    /// key.
    /// </exception>
    public static ConfigFile Read(string file)
    {
        var root = JsonFile.ParseObject(file, FileFailure.ReadAllBytes(file, Limit));
        var (overrides, preset, seed) = (new List<Override>(), (string?)null, (ulong?)null);
        foreach (var (key, value) in root)
        {
            if (key == PresetField)
                preset = Recipes.Preset.Names.FirstOrDefault(name => IsText(value, name)) ?? throw Wrong(key, string.Join(" or ", Recipes.Preset.Names));
            else if (key == SeedField)
                seed = value is JsonValue number && number.TryGetValue(out ulong read) ? read : throw Wrong(key, "a whole number from 0 to 2^64 - 1");
            else if (key != SchemaField)
                Add("", key, value);
            else if (value?.GetValueKind() != JsonValueKind.String)
                throw Wrong(key, "a text");
        }
        return new ConfigFile(preset, seed, overrides);

        void Add(string section, string name, JsonNode? value)
        {
            string path = section.Length > 0 ? $"{section}.{name}" : name;
            var key = PresetKeys.IsSection(path) ? null : PresetKeys.Find(path, $"{file}: {Printable.OneLine(path)}");
            if (name.Contains('.', StringComparison.Ordinal))
                throw new DataException($"{file}: {path} must stand in its section: {Printable.OneLine(Nested(path, value))}");
            if (key is not null)
            {
                overrides.Add(Override.OfFile(file, path, key.Check(value, $"{file}: {path}")));
                return;
            }
            foreach (var (inner, innerValue) in value as JsonObject ?? throw Wrong(path, "an object"))
                Add(path, inner, innerValue);
        }

        DataException Wrong(string key, string kind) => new($"{file}: {key} takes {kind}, not {Printable.OneLine(root[key]?.ToJsonString() ?? "null")}");
    }

    private static string Nested(string path, JsonNode? value) => path.Split('.').Reverse().Aggregate(value?.ToJsonString() ?? "null", static (inner, name) => $"{{\"{name}\": {inner}}}");

    private static bool IsText(JsonNode? value, string text) => value?.GetValueKind() == JsonValueKind.String && value.GetValue<string>() == text;
}
