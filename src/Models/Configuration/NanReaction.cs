using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Configuration;

/// <summary>What a run does if a gradient, a loss, a weight or a validation is NaN or infinite.</summary>
public enum NanReaction
{
    /// <summary>It stops.</summary>
    Stop,

    /// <summary>
    /// It goes back to its last good checkpoint and takes the batches in another order, three times at most.
    /// </summary>
    Rollback,
}

/// <summary>Reads and writes <c>stop</c> and <c>rollback</c>.</summary>
internal sealed class NanReactionConverter : JsonConverter<NanReaction>
{
    private const string Stop = "stop", Rollback = "rollback";

    public override NanReaction Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        (reader.TokenType == JsonTokenType.String ? reader.GetString() : throw new JsonException()) switch
        {
            Stop => NanReaction.Stop,
            Rollback => NanReaction.Rollback,
            var other => throw new JsonException($"cannot be {Printable.Quote(other!)}; it must be {Stop} or {Rollback}"),
        };

    public override void Write(Utf8JsonWriter writer, NanReaction value, JsonSerializerOptions options) => writer.WriteStringValue(value == NanReaction.Rollback ? Rollback : Stop);
}
