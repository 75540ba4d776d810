using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine.Serialization;

namespace VideoSim.Fuzz.Mutation;

/// <summary>Objects with their own hash, see <see cref="JsonSeal"/>.</summary>
internal static class SealedJson
{
    /// <summary>Changes an object. Three of four times it gets the hash of its new content.</summary>
    public static byte[] Mutate(Mutator mutator, byte[] input)
    {
        byte[] changed = mutator.Json(input);
        return mutator.OneIn(4) ? changed : WithHash(Encoding.UTF8.GetString(changed)) ?? changed;
    }

    /// <summary>An object with the hash of its content; null if the text is none.</summary>
    public static byte[]? WithHash(string text)
    {
        try
        {
            if (JsonNode.Parse(text) is not JsonObject content)
                return null;
            using var stream = new MemoryStream();
            JsonSeal.Write(stream, content);
            return stream.ToArray();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }
}
