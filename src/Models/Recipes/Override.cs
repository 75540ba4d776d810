using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Recipes;

/// <summary>A value that replaces one of a preset, and where it comes from.</summary>
/// <param name="Source">The option or the file: <c>--set</c>, <c>--batch-size</c>, <c>recipe.json</c>.</param>
/// <param name="Key">The key as a path, such as <c>pretrain.batch</c>.</param>
/// <param name="Value">The value; null is JSON's null.</param>
/// <param name="Subject">The beginning of a message about it, such as <c>--set pretrain.batch</c>.</param>
public sealed record Override(string Source, string Key, JsonNode? Value, string Subject)
{
    /// <summary>The source of a text <c>key=value</c>.</summary>
    public const string SetOption = "--set";

    /// <summary>The override of a text <c>key=value</c>, as the option --set takes it.</summary>
    /// <param name="text">The text. Without a key, <see cref="Preset"/> refuses it.</param>
    public static implicit operator Override(string text) => FromString(text);

    /// <inheritdoc cref="op_Implicit(string)"/>
    public static Override FromString(string text)
    {
        int equals = Math.Max(0, text.IndexOf('=', StringComparison.Ordinal));
        return equals == 0 ? new Override(SetOption, "", text, $"{SetOption} {text}") : new Override(SetOption, text[..equals], Parse(text[(equals + 1)..]), $"{SetOption} {text[..equals]}");
    }

    /// <summary>The override of an option of its own.</summary>
    /// <param name="option">The option, such as <c>--batch-size</c>.</param>
    /// <param name="key">The key that it sets.</param>
    /// <param name="text">Its value.</param>
    public static Override OfOption(string option, string key, string text) => new(option, key, Parse(text), option);

    /// <summary>The value of a file of keys.</summary>
    internal static Override OfFile(string file, string key, JsonNode? value) => new(file, key, value, $"{file}: {key}");

    /// <summary>The value as a text that gives it again: texts have no quotes if they can do without.</summary>
    public string Text => Value?.GetValueKind() == JsonValueKind.String && Value.GetValue<string>() is var text && Parse(text)?.GetValueKind() == JsonValueKind.String ? text
        : Value?.ToJsonString() ?? "null";

    /// <summary>
    /// The overrides that have an effect, the last one of each key, as sorted texts <c>key=value</c>. They do not
    /// depend on where the values come from.
    /// </summary>
    public static IEnumerable<string> Effective(IEnumerable<Override> overrides) =>
        overrides.GroupBy(static one => one.Key).Select(static same => same.Last()).OrderBy(static one => one.Key, StringComparer.Ordinal).Select(static one => $"{one.Key}={one.Text}");

    /// <summary>One line for each override that one from another source replaces by another value.</summary>
    public static IEnumerable<string> Replaced(IReadOnlyList<Override> overrides) =>
        from same in overrides.GroupBy(static one => one.Key)
        let last = same.Last()
        from one in same
        where one.Source != last.Source && one.Text != last.Text
        select $"{Printable.OneLine($"{last.Subject}={last.Text}")} is used, not {Printable.OneLine($"{one.Subject}={one.Text}")}";

    // JSON, a number in another spelling (.5), or a text without quotes.
    private static JsonNode? Parse(string text)
    {
        try
        {
            var value = JsonNode.Parse(text);
            return value?.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value;
        }
        // The second is for half of a surrogate pair, such as "\ud800".
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) && !(number == 0 && PresetKey.IsTooSmall(text, number)) ? number : text;
        }
    }
}
