using System.Text.Encodings.Web;
using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>
/// The JSON of a submission: one object, id to list of numbers. Reading and writing use a small buffer.
/// </summary>
internal static class SubmissionJson
{
    // Also the longest id or number that is read; real ones are much shorter.
    private const int BufferBytes = 1 << 16;

    // The object and its lists; deeper levels are refused.
    private const int DeepestNesting = 2;

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        // Ids stay readable. The JSON is not put into a web page, so it needs no further escaping.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void Write(Stream stream, EmbeddingTable table, EmbeddingRounding rounding, string path)
    {
        Span<double> rounded = stackalloc double[table.Width];
        using var json = new Utf8JsonWriter(stream, WriterOptions);
        json.WriteStartObject();
        for (int row = 0; row < table.Ids.Count; row++)
        {
            Rounding.Round(table, row, rounding, rounded, path);
            json.WriteStartArray(table.Ids[row]);
            foreach (double value in rounded)
                json.WriteNumberValue(value);
            json.WriteEndArray();
            if (json.BytesPending > BufferBytes)
                json.Flush();
        }
        json.WriteEndObject();
    }

    /// <summary>Reads an object of embeddings up to the stream's end.</summary>
    /// <exception cref="DataException">The JSON is invalid; the message names file and id.</exception>
    public static void Read(Stream stream, EmbeddingTableBuilder builder, string path)
    {
        var entries = new EntryReader(builder, path);
        byte[] buffer = new byte[BufferBytes];
        var state = new JsonReaderState(new JsonReaderOptions { MaxDepth = DeepestNesting });
        int filled = 0;
        bool atEnd;
        do
        {
            int read = stream.ReadAtLeast(buffer.AsSpan(filled), buffer.Length - filled, throwOnEndOfStream: false);
            filled += read;
            atEnd = filled < buffer.Length;
            var json = new Utf8JsonReader(buffer.AsSpan(0, filled), atEnd, state);
            entries.Take(ref json, buffer.AsSpan(0, filled));
            state = json.CurrentState;
            int consumed = (int)json.BytesConsumed;
            if (consumed == 0 && !atEnd)
                throw entries.Wrong($"has an id or a number of more than {BufferBytes} bytes");
            buffer.AsSpan(consumed, filled - consumed).CopyTo(buffer);
            filled -= consumed;
        }
        while (!atEnd);
    }

    /// <summary>Builds embeddings from tokens. An incomplete embedding continues with the next buffer.</summary>
    private sealed class EntryReader(EmbeddingTableBuilder builder, string path)
    {
        private readonly double[] _values = new double[EmbeddingTable.MaxWidth];
        private int _count;
        private string? _id;

        public void Take(ref Utf8JsonReader json, ReadOnlySpan<byte> text)
        {
            try
            {
                while (json.Read())
                    TakeToken(ref json);
            }
            catch (JsonException failure)
            {
                if (NonNumber(text[(int)json.BytesConsumed..]) is { } name)
                    throw Wrong($"has {name}, which is not a number in JSON", failure);

                throw Wrong($"is not valid JSON: {Printable.OneLine(failure.Message)}", failure);
            }
        }

        // The words of Python's json module for values that are not finite.
        private static string? NonNumber(ReadOnlySpan<byte> rest)
        {
            rest = rest.TrimStart(" \t\r\n,"u8);
            return rest.StartsWith("NaN"u8) ? "NaN" : rest.StartsWith("Infinity"u8) ? "Infinity" : rest.StartsWith("-Infinity"u8) ? "-Infinity" : null;
        }

        public DataException Wrong(string complaint, Exception? inner = null)
        {
            string place = _id is null ? "" : $"id {Printable.Quote(_id)} ";
            return new DataException($"{path}: {place}{complaint}", inner!);
        }

        private void TakeToken(ref Utf8JsonReader json)
        {
            switch (json.TokenType)
            {
                case JsonTokenType.StartObject when json.CurrentDepth == 0:
                case JsonTokenType.EndObject:
                    break;
                case JsonTokenType.PropertyName:
                    _id = Text(ref json);
                    break;
                case JsonTokenType.StartArray when _id is not null:
                    _count = 0;
                    break;
                case JsonTokenType.Number when json.CurrentDepth == DeepestNesting:
                    if (_count == _values.Length)
                        throw Wrong($"has more than {_values.Length} values");
                    _values[_count++] = json.GetDouble();
                    break;
                case JsonTokenType.EndArray:
                    builder.Add(_id!, _values.AsSpan(0, _count));
                    _id = null;
                    break;
                default:
                    throw Wrong(_id is null ? "is not an object of embeddings" : "needs a list of numbers");
            }
        }

        private string Text(ref Utf8JsonReader json)
        {
            try
            {
                return json.GetString()!;
            }
            catch (InvalidOperationException failure)
            {
                throw Wrong("has an id that is not valid Unicode", failure);
            }
        }
    }
}
