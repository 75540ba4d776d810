using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace VideoSim.Engine.Serialization;

/// <summary>Reads JSON files. An error is one line that names the file.</summary>
public static class JsonFile
{
    // The largest is the record of an import, which may name 100,000 bad rows. Others have some kilobytes.
    private const int MostBytes = 1 << 27;

    /// <summary>The value in a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="type">The type of the value, from a context of source-generated serializers.</param>
    /// <exception cref="DataException">
    /// The file cannot be read or has no such value; the message gives the reason.
    /// </exception>
    public static T Read<T>(string path, JsonTypeInfo<T> type) where T : class => Parse(path, FileFailure.ReadAllBytes(path, MostBytes), type);

    /// <summary>The value in the bytes of a file that was read before.</summary>
    /// <exception cref="DataException">The bytes have no such value; the message gives the reason.</exception>
    public static T Parse<T>(string path, ReadOnlySpan<byte> bytes, JsonTypeInfo<T> type) where T : class
    {
        try
        {
            RequireUnicode(path, bytes);
            return JsonSerializer.Deserialize(bytes, type) ?? throw new DataException($"{path}: is null");
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}: {JsonFailure.Reason(e)}", e);
        }
    }

    /// <summary>The keys and values of an object in the bytes of a file that was read before.</summary>
    /// <exception cref="DataException">
    /// The bytes have no object, or one with a key twice; the message gives the reason.
    /// </exception>
    public static JsonObject ParseObject(string path, ReadOnlySpan<byte> bytes)
    {
        try
        {
            RequireUnicode(path, bytes, uniqueKeys: true);
            return JsonNode.Parse(bytes, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) as JsonObject
                ?? throw new DataException($"{path}: is not a JSON object");
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}: {JsonFailure.Reason(e)}", e);
        }
    }

    // .NET decodes keys and values when they are used. Bytes that are not UTF-8, and half of a
    // surrogate pair such as \ud800, fail only then. Its error for a key that is there twice has no line.
    private static void RequireUnicode(string path, ReadOnlySpan<byte> bytes, bool uniqueKeys = false)
    {
        var reader = new Utf8JsonReader(bytes);
        var keys = new Stack<HashSet<string>>();
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.StartObject)
                keys.Push([]);
            else if (reader.TokenType == JsonTokenType.EndObject)
                keys.Pop();
            if (reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.String))
                continue;
            try
            {
                string text = reader.GetString()!;
                if (uniqueKeys && reader.TokenType == JsonTokenType.PropertyName && !keys.Peek().Add(text))
                    throw new DataException($"{Place(bytes, reader.TokenStartIndex)}: has the key {Printable.Quote(text)} twice");
            }
            catch (InvalidOperationException e)
            {
                throw new DataException($"{Place(bytes, reader.TokenStartIndex)}: a text is not valid Unicode", e);
            }
        }

        string Place(ReadOnlySpan<byte> bytes, long at) => $"{path}: line {bytes[..(int)at].Count((byte)'\n') + 1}";
    }
}
