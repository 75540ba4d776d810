using System.Globalization;
using System.Text;
using System.Text.Json;

namespace VideoSim.Fuzz.Mutation;

/// <summary>Changes values and keys of a JSON text and leaves the rest as it is.</summary>
internal static class JsonMutation
{
    private const int MostNested = 3_000;

    // A value or a key with the places of its bytes. A property begins at its key.
    private readonly record struct Part(int Start, int End, int KeyStart, JsonTokenType Type);

    /// <summary>One change. Text after the first error is left alone.</summary>
    public static byte[] Step(Mutator mutator, byte[] json)
    {
        var parts = PartsOf(json);
        if (parts.Count == 0)
            return mutator.OneIn(2) ? json : mutator.Other();
        var part = mutator.Pick(parts);
        int length = part.End - part.Start;
        byte[] value = json[part.Start..part.End];
        switch (mutator.Random.Next(part.KeyStart >= 0 ? 10 : 6))
        {
            case 0 or 1:
                return Mutator.Replace(json, part.Start, length, Value(mutator));
            case 2:
                var other = mutator.Pick(parts);
                return Mutator.Replace(json, part.Start, length, json.AsSpan(other.Start, other.End - other.Start));
            case 3:
                return Mutator.Replace(json, part.Start, length, Changed(mutator, part.Type, value));
            case 4: // in an array, one more
                return Mutator.Replace(json, part.Start, 0, [.. value, (byte)',']);
            case 5:
                return Mutator.Replace(json, part.Start, length, Nested(mutator, value));
            case 6: // the key twice
                byte[] key = json[part.KeyStart..part.Start];
                return Mutator.Replace(json, part.KeyStart, 0, [.. key, .. mutator.OneIn(2) ? value : Value(mutator), (byte)',']);
            case 7: // without the key
                int end = part.End < json.Length && json[part.End] == (byte)',' ? part.End + 1 : part.End;
                return Mutator.Replace(json, part.KeyStart, end - part.KeyStart, []);
            case 8: // another key
                return Mutator.Replace(json, part.KeyStart, part.Start - part.KeyStart, [.. Quoted(mutator.Text()), (byte)':']);
            default: // a property of its own, or one of another input
                byte[] from = mutator.Other();
                var properties = PartsOf(from).Where(static one => one.KeyStart >= 0).ToList();
                byte[] added = properties.Count > 0 && mutator.OneIn(2) && mutator.Pick(properties) is var found ? from[found.KeyStart..found.End] : [.. Quoted(mutator.Text()), (byte)':', .. Value(mutator)];
                return Mutator.Replace(json, part.KeyStart, 0, [.. added, (byte)',']);
        }
    }

    /// <summary>A hostile value.</summary>
    public static byte[] Value(Mutator mutator) => mutator.Random.Next(7) switch
    {
        0 => Quoted(mutator.Text()),
        1 => Encoding.ASCII.GetBytes(mutator.Integer().ToString(CultureInfo.InvariantCulture)),
        2 => Encoding.ASCII.GetBytes(Number(mutator)),
        3 => [.. mutator.Pick<string>(["null", "true", "false", "{}", "[]", "\"\"", "[null]", "{\"\":0}", "[[]]", "\"\\ud800\"", "\"\\u0000\"", "\"\\u001b[2J\""]).Select(static c => (byte)c)],
        4 => mutator.Text(),
        5 => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{(mutator.Random.NextDouble() - 0.5) * Math.Pow(10, mutator.Random.Next(-50, 50))}")),
        _ => [(byte)'[', .. Mutator.Repeat(Encoding.ASCII.GetBytes($"{mutator.Random.Next(10)},"), 1 << mutator.Random.Next(10)), (byte)'0', (byte)']'],
    };

    private static string Number(Mutator mutator) => mutator.Pick<string>(
    [
        "1e999", "-1e999", "1e-999", "1e-46", "1E38", "3.5e38", "1e400", "-0", "-0.0", "0.5", "1.0", "1e0", "1e2", "1e-4000000000000000000000000000", "1e99999999999999999999", "0.1e1", "2147483648", "-2147483649",
        "9223372036854775808", "18446744073709551615", "18446744073709551616", "1.7976931348623157e308", "5e-324", "100000000000000000000000000000000000000000", "0.30000000000000004", "123456789012345678901234567890.5",
    ]);

    private static byte[] Changed(Mutator mutator, JsonTokenType type, byte[] value)
    {
        int at = mutator.Random.Next(value.Length);
        if (type == JsonTokenType.String)
            return Mutator.Replace(value, Math.Clamp(at, Math.Min(1, value.Length - 1), value.Length - 1), 0, Escaped(mutator.Text()));
        return type == JsonTokenType.Number ? Mutator.Replace(value, at, mutator.Random.Next(2), [(byte)mutator.Pick<char>([.. "0123456789-+.eE"])]) : value;
    }

    private static byte[] Nested(Mutator mutator, byte[] value)
    {
        int depth = mutator.OneIn(4) ? mutator.Random.Next(MostNested) : mutator.Random.Next(1, 5);
        return mutator.OneIn(2) ? [.. Mutator.Repeat("["u8, depth), .. value, .. Mutator.Repeat("]"u8, depth)] : [.. Mutator.Repeat("{\"a\":"u8, depth), .. value, .. Mutator.Repeat("}"u8, depth)];
    }

    private static byte[] Quoted(byte[] text) => [(byte)'"', .. Escaped(text), (byte)'"'];

    // Sometimes the raw bytes, as a careless program writes them.
    private static byte[] Escaped(byte[] text) => text.Any(static one => one is < (byte)' ' or (byte)'"' or (byte)'\\') && text.Length < 32
        ? Encoding.UTF8.GetBytes(JsonEncodedText.Encode(Encoding.UTF8.GetString(text)).ToString()) : text;

    private static List<Part> PartsOf(byte[] json)
    {
        var parts = new List<Part>();
        var open = new Stack<(int Start, int KeyStart)>();
        int key = -1;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 2 * MostNested });
            while (reader.Read())
            {
                int start = (int)reader.TokenStartIndex, end = (int)reader.BytesConsumed;
                switch (reader.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        key = start;
                        continue;
                    case JsonTokenType.StartObject or JsonTokenType.StartArray:
                        open.Push((start, key));
                        break;
                    case JsonTokenType.EndObject or JsonTokenType.EndArray:
                        var (begin, beginKey) = open.Pop();
                        parts.Add(new Part(begin, end, beginKey, reader.TokenType));
                        break;
                    default:
                        parts.Add(new Part(start, end, key, reader.TokenType));
                        break;
                }
                key = -1;
            }
        }
        catch (JsonException)
        {
            // The parts before the error.
        }
        return parts;
    }
}
