using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// JSON objects of this program that it reads again, with the SHA-256 of all their other keys as their last key. A
/// change of a value is found even if the value is possible.
/// </summary>
public static class JsonSeal
{
    /// <summary>The key of the hash.</summary>
    public const string Key = "sha256";

    private static readonly JsonWriterOptions Indented = new() { Indented = true };

    /// <summary>Writes an object with its hash.</summary>
    /// <param name="stream">Receives the JSON.</param>
    /// <param name="content">The object; it gets the key.</param>
    public static void Write(Stream stream, JsonObject content)
    {
        content[Key] = HashOf(content);
        using var json = new Utf8JsonWriter(stream, Indented);
        content.WriteTo(json);
    }

    /// <summary>Whether an object has the hash of its other keys.</summary>
    public static bool IsWhole(JsonObject content) => content[Key] is JsonValue value && value.TryGetValue(out string? hash) && hash == HashOf(content);

    private static string HashOf(JsonObject content)
    {
        var rest = content.DeepClone().AsObject();
        rest.Remove(Key);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(rest.ToJsonString())));
    }
}
