using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Contract;

namespace VideoSim.Models.Configuration;

/// <summary>Names of precisions in options and files: <c>fp32</c> and <c>bf16</c>.</summary>
public static class PrecisionName
{
    /// <summary>The name of a precision.</summary>
    public static string Of(ElementType precision) => precision == ElementType.Float32 ? "fp32" : "bf16";

    /// <summary>The precision of a name; null for any other name.</summary>
    public static ElementType? Parse(string? name)
    {
        foreach (var precision in ElementTypes.Precisions)
        {
            if (name == Of(precision))
                return precision;
        }
        return null;
    }

    /// <summary>The error for an unknown name. In a message it follows the option or the key.</summary>
    public static string Refusal(string name) => $"cannot be {Printable.Quote(name)}; it must be {string.Join(" or ", ElementTypes.Precisions.Select(Of))}";
}

/// <summary>Reads and writes the name of a precision.</summary>
internal sealed class PrecisionConverter : JsonConverter<ElementType>
{
    public override ElementType Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw new JsonException();
        string name = reader.GetString()!;
        return PrecisionName.Parse(name) ?? throw new JsonException(PrecisionName.Refusal(name));
    }

    public override void Write(Utf8JsonWriter writer, ElementType value, JsonSerializerOptions options) => writer.WriteStringValue(PrecisionName.Of(value));
}
