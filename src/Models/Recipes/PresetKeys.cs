using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Configuration;

namespace VideoSim.Models.Recipes;

/// <summary>A key of a preset with its place.</summary>
/// <param name="Path">The key as a path, such as <c>pretrain.batch</c>.</param>
/// <param name="Type">.NET type of its value.</param>
/// <param name="Info">Unit, meaning, range.</param>
public sealed record PresetKey(string Path, Type Type, ConfigKey Info)
{
    /// <summary>Kind of its values, for messages.</summary>
    public string Kind => Info.Choices.Count > 0 ? string.Join(" or ", Info.Choices)
        : Type == typeof(int) ? "a whole number" : Type == typeof(bool) ? "true or false" : Type == typeof(string) ? "a text" : "a number";

    /// <summary>Checks a value: its kind and its range.</summary>
    /// <param name="value">The value.</param>
    /// <param name="subject">The beginning of a message.</param>
    /// <returns>The value, in the form that the configuration reads.</returns>
    /// <exception cref="DataException">The key does not take this value.</exception>
    internal JsonNode Check(JsonNode? value, string subject)
    {
        return value?.GetValueKind() switch
        {
            JsonValueKind.Number when Info.Range is not null => Number(value.ToJsonString(), subject),
            JsonValueKind.String when Info.Range is null && Type != typeof(bool) => Text(value.GetValue<string>(), subject),
            JsonValueKind.True or JsonValueKind.False when Type == typeof(bool) => value.DeepClone(),
            _ => throw Wrong(value, subject),
        };
    }

    private JsonNode Number(string text, string subject)
    {
        double number = double.Parse(text, CultureInfo.InvariantCulture);
        if (IsTooSmall(text, number))
            throw new DataException($"{subject}: {Printable.OneLine(text)} is too near to 0 for a number");
        if (Type == typeof(int) && number != Math.Floor(number))
            throw Wrong(text, subject);
        ConfigKeys.RequireIn(Info, number, text, subject);
        return Type == typeof(int) ? (int)number : number;
    }

    /// <summary>Whether a text has a number that is not 0, but is 0 in fp32.</summary>
    internal static bool IsTooSmall(string text, double number) => (float)number == 0 && text.TakeWhile(static letter => letter is not ('e' or 'E')).Any(static letter => letter is >= '1' and <= '9');

    private JsonNode Text(string text, string subject)
    {
        ConfigKeys.RequireOneOf(Info, text, subject);
        return text;
    }

    private DataException Wrong(JsonNode? value, string subject) => Wrong(value?.GetValueKind() switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => $"\"{Printable.OneLine(value.GetValue<string>())}\"",
        _ => Printable.OneLine(value?.ToJsonString() ?? "null"),
    }, subject);

    private DataException Wrong(string shown, string subject) => new($"{subject} takes {Kind}, not {shown}");
}

/// <summary>All keys of a preset.</summary>
public static class PresetKeys
{
    private static readonly Dictionary<string, PresetKey> ByPath = [];
    private static readonly Dictionary<string, string[]> Sections = []; // the names in each

    // Names that other programs have for keys.
    private static readonly Dictionary<string, string> ForeignNames = new()
    {
        ["lr"] = "rate", ["bs"] = "batch", ["batchsize"] = "batch", ["wd"] = "weight_decay", ["clip_grad"] = "max_grad_norm", ["grad_accum"] = "gradient_accumulation_steps", ["patience"] = "early_stopping_patience",
    };

    static PresetKeys() => Add("", PresetJson.Default.Preset);

    /// <summary>The keys, section after section.</summary>
    public static IReadOnlyCollection<PresetKey> All => ByPath.Values;

    /// <summary>The keys with their values in a preset.</summary>
    public static IEnumerable<(PresetKey Key, JsonNode Value)> ValuesOf(Preset preset)
    {
        var root = JsonSerializer.SerializeToNode(preset, PresetJson.Default.Preset)!;
        return All.Select(key => (key, key.Path.Split('.').Aggregate(root, static (section, name) => section[name]!)));
    }

    /// <summary>Whether a path is the name of the model, which only --model sets.</summary>
    internal static bool IsOfTheModelOption(string path) => path == "model.model";

    /// <summary>Whether a path is a section with keys, such as <c>pretrain.losses</c>.</summary>
    internal static bool IsSection(string path) => Sections.ContainsKey(path);

    /// <summary>The key of a path.</summary>
    /// <param name="path">The path.</param>
    /// <param name="subject">The beginning of a message.</param>
    /// <exception cref="DataException">There is no such key; the message has the nearest one.</exception>
    internal static PresetKey Find(string path, string subject)
    {
        if (ByPath.TryGetValue(path, out var key))
            return IsOfTheModelOption(path) ? throw new DataException($"{subject}: the model is chosen by --model") : key;
        if (IsSection(path))
            throw new DataException($"{subject} is a section; it has the keys {string.Join(", ", Sections[path])}");
        throw Unknown(path, subject);
    }

    /// <summary>The error for a path that is neither a key nor a section.</summary>
    internal static DataException Unknown(string path, string subject)
    {
        // The known beginning of the path, and the part behind it.
        string parent = "";
        int from = 0;
        for (int dot; (dot = path.IndexOf('.', from)) >= 0 && (IsSection(path[..dot]) || ByPath.ContainsKey(path[..dot])); from = dot + 1)
            parent = path[..dot];
        string name = path[from..].Split('.', 2)[0];
        string reason = $"{Printable.OneLine(subject)}: there is no key {Printable.Quote(name)}";
        if (ByPath.ContainsKey(parent))
            return new DataException($"{reason}; {parent} has a value and no further keys");
        // The name may be that of the key's option, and a key may stand in the wrong section.
        string option = $"--{name.Replace('_', '-')}";
        string foreign = ForeignNames.TryGetValue(name, out string? ours) ? ours : name;
        string? nearest = ByPath.ContainsKey($"{parent}.{foreign}") ? $"{parent}.{foreign}" : ByPath.Values.Where(key => key.Info.Flag == option && key.Path.StartsWith($"{parent}.", StringComparison.Ordinal)).MinBy(static key => key.Path.Length)?.Path ?? Nearest(parent, name, path);
        return new DataException(nearest is not null ? $"{reason}; did you mean '{nearest}'?" : $"{reason}, only {string.Join(", ", Sections[parent])}");
    }

    private static string? Nearest(string parent, string name, string path) => Suggestion.For(name, Sections[parent]) is { } near ? (parent.Length > 0 ? $"{parent}.{near}" : near)
        : ByPath.Keys.Where(key => key.EndsWith($".{name}", StringComparison.Ordinal)).OrderByDescending(key => key.Split('.')[0] == path.Split('.')[0]).FirstOrDefault();

    private static void Add(string path, JsonTypeInfo type)
    {
        // Properties that are no keys have no getter here.
        JsonPropertyInfo[] properties = [.. type.Properties.Where(static property => property.Get is not null)];
        Sections.Add(path, [.. properties.Select(static property => property.Name)]);
        var keys = type.Type == typeof(Preset) ? [Preset.FoldsKey] : ConfigKeys.Of(type.Type);
        foreach (var property in properties)
        {
            string name = path.Length > 0 ? $"{path}.{property.Name}" : property.Name;
            if (PresetJson.Default.GetTypeInfo(property.PropertyType) is { Properties.Count: > 0 } section)
                Add(name, section);
            else
                ByPath.Add(name, new PresetKey(name, property.PropertyType, keys.FirstOrDefault(key => key.Name == property.Name) ?? throw new InvalidOperationException($"ConfigKeys has no {name}")));
        }
    }
}
