using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace VideoSim.Engine.Serialization;

/// <summary>Reads JSON files. An error is one line that names the file.</summary>
public static class JsonFile
{
    /// <summary>The value in a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="type">The type of the value, from a context of source-generated serializers.</param>
    /// <exception cref="DataException">
    /// The file cannot be read or has no such value; the message gives the reason.
    /// </exception>
    public static T Read<T>(string path, JsonTypeInfo<T> type) where T : class => Parse(path, FileFailure.ReadAllBytes(path), type);

    /// <summary>The value in the bytes of a file that was read before.</summary>
    /// <exception cref="DataException">The bytes have no such value; the message gives the reason.</exception>
    public static T Parse<T>(string path, ReadOnlySpan<byte> bytes, JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, type) ?? throw new DataException($"{path}: is null");
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}: {JsonFailure.Reason(e)}", e);
        }
    }
}
