using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace VideoSim.Engine.Serialization;

/// <summary>Reads JSON files. An error is one line that names the file.</summary>
public static class JsonFile
{
    // The largest is the record of an import, which may name 100,000 bad rows. Others have some kilobytes.
    private static readonly FileLimit Limit = new("a JSON file", 128);

    // A double's exponent has 3 digits. Comparing two numbers fails at an exponent that is not an integer of 32 bits.
    private const int MostExponentDigits = 4;

    /// <summary>The value in a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="type">The type of the value, from a context of source-generated serializers.</param>
    /// <exception cref="DataException">
    /// The file cannot be read or has no such value; the message gives the reason.
    /// </exception>
    public static T Read<T>(string path, JsonTypeInfo<T> type) where T : class => Parse(path, ReadBytes(path), type);

    /// <summary>The keys and values of the object in a file.</summary>
    /// <exception cref="DataException">As in <see cref="ParseObject"/>, or the file cannot be read.</exception>
    public static JsonObject ReadObject(string path) => ParseObject(path, ReadBytes(path));

    /// <summary>The content of a file, for <see cref="Parse"/>.</summary>
    /// <exception cref="DataException">It cannot be read, or is too large for such a file.</exception>
    public static byte[] ReadBytes(string path) => FileFailure.ReadAllBytes(path, Limit);

    /// <summary>The value in the bytes of a file that was read before.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="bytes">Its content, or a line of it.</param>
    /// <param name="type">The type of the value, from a context of source-generated serializers.</param>
    /// <param name="line">The number of that line; null if the bytes are the whole file.</param>
    /// <exception cref="DataException">
    /// The bytes have no such value, a key twice, a text that is not Unicode or a number that no double holds; the
    /// message gives the reason.
    /// </exception>
    public static T Parse<T>(string path, ReadOnlySpan<byte> bytes, JsonTypeInfo<T> type, int? line = null) where T : class
    {
        try
        {
            Require(path, bytes, line ?? 1);
            return JsonSerializer.Deserialize(bytes, type) ?? throw new DataException($"{Place(path, line)}: is null");
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}: {JsonFailure.Reason(e, line ?? 1)}", e);
        }
    }

    /// <summary>The keys and values of an object in the bytes of a file that was read before.</summary>
    /// <exception cref="DataException">As in <see cref="Parse"/>.</exception>
    public static JsonObject ParseObject(string path, ReadOnlySpan<byte> bytes, int? line = null)
    {
        try
        {
            Require(path, bytes, line ?? 1);
            return JsonNode.Parse(bytes) as JsonObject ?? throw new DataException($"{Place(path, line)}: is not a JSON object");
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}: {JsonFailure.Reason(e, line ?? 1)}", e);
        }
    }

    private static string Place(string path, int? line) => line is null ? path : $"{path}: line {line}";

    // .NET decodes keys, texts and numbers when they are used. Bytes that are not UTF-8, half of a surrogate pair such
    // as \ud800, and a number that does not fit fail only then. Its error for a key that is there twice has no line.
    private static void Require(string path, ReadOnlySpan<byte> bytes, int firstLine)
    {
        var reader = new Utf8JsonReader(bytes);
        var keys = new Stack<HashSet<string>>();
        string key = "";
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    keys.Push([]);
                    break;
                case JsonTokenType.EndObject:
                    keys.Pop();
                    break;
                case JsonTokenType.PropertyName:
                    key = Text(ref reader, bytes);
                    if (!keys.Peek().Add(key))
                        throw new DataException($"{PlaceOf(bytes, reader.TokenStartIndex)}: has the key {Printable.Quote(key)} twice");
                    break;
                case JsonTokenType.String:
                    Text(ref reader, bytes);
                    break;
                case JsonTokenType.Number:
                    int exponent = reader.ValueSpan.IndexOfAny((byte)'e', (byte)'E');
                    bool fits = exponent < 0 || reader.ValueSpan[exponent..].TrimStart("eE+-0"u8).Length <= MostExponentDigits;
                    if (!fits || !reader.TryGetDouble(out double number) || !double.IsFinite(number))
                        throw new DataException($"{PlaceOf(bytes, reader.TokenStartIndex)}: {Printable.Quote(key)} is {LineReader.Quote(reader.ValueSpan)}, which is not a number that fits");
                    break;
            }
        }

        string Text(ref Utf8JsonReader reader, ReadOnlySpan<byte> bytes)
        {
            try
            {
                return reader.GetString()!;
            }
            catch (InvalidOperationException e)
            {
                throw new DataException($"{PlaceOf(bytes, reader.TokenStartIndex)}: a text is not valid Unicode", e);
            }
        }

        string PlaceOf(ReadOnlySpan<byte> bytes, long at) => Place(path, bytes[..(int)at].Count((byte)'\n') + firstLine);
    }
}
