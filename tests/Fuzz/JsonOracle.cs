using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace VideoSim.Fuzz;

/// <summary>Compares values that a reader took from JSON with those of <see cref="JsonDocument"/>.</summary>
internal static class JsonOracle
{
    /// <summary>The document of a text that a reader took.</summary>
    /// <exception cref="WrongValueException">It is not strict JSON with each key once.</exception>
    public static JsonElement Strict(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 64 });
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new WrongValueException("wrong JSON was taken", e.Message);
        }
    }

    /// <summary>
    /// Fails unless each value that was read and that the text has is that of the text. Keys that were not read do not
    /// matter, and null counts as a missing key.
    /// </summary>
    /// <param name="read">The value that was read.</param>
    /// <param name="type">Its type.</param>
    /// <param name="text">The text.</param>
    public static void Same<T>(T read, JsonTypeInfo<T> type, JsonElement text)
    {
        JsonElement written;
        try
        {
            written = JsonSerializer.SerializeToElement(read, type);
        }
        catch (ArgumentException e)
        {
            throw new WrongValueException("a number that is not finite was taken", e.Message);
        }
        Same(written, text, "$");
    }

    private static void Same(JsonElement read, JsonElement text, string path)
    {
        switch (read.ValueKind)
        {
            case JsonValueKind.Object:
                Expect.That(text.ValueKind == JsonValueKind.Object, $"{path} is no object");
                foreach (var property in read.EnumerateObject())
                {
                    if (text.TryGetProperty(property.Name, out var value) && value.ValueKind != JsonValueKind.Null)
                        Same(property.Value, value, $"{path}.{property.Name}");
                }
                break;
            case JsonValueKind.Array:
                Expect.That(text.ValueKind == JsonValueKind.Array, $"{path} is no array");
                Expect.Equal(text.GetArrayLength(), read.GetArrayLength(), $"length of {path}");
                for (int i = 0; i < text.GetArrayLength(); i++)
                    Same(read[i], text[i], $"{path}[]");
                break;
            case JsonValueKind.Number:
                Expect.That(text.ValueKind == JsonValueKind.Number && SameNumber(read, text), $"{path} is another number", $"expected {text.GetRawText()}, read {read.GetRawText()}");
                break;
            case JsonValueKind.String:
                Expect.That(text.ValueKind == JsonValueKind.String && text.GetString() == read.GetString(), $"{path} is another text");
                break;
            default:
                Expect.That(text.ValueKind == read.ValueKind, $"{path} is of another kind", $"expected {text.ValueKind}, read {read.ValueKind}");
                break;
        }
    }

    // Some numbers are float32. Those that are written as whole numbers are compared exactly.
    private static bool SameNumber(JsonElement read, JsonElement text) => read.GetDouble() == text.GetDouble()
        || (text.GetRawText().AsSpan().ContainsAny(".eE") && (float)read.GetDouble() == (float)text.GetDouble());
}
