using System.Runtime.InteropServices;
using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>Reads the JSON of a submission: one object, id to list of numbers.</summary>
internal static class SubmissionJsonReader
{
    // A block of text: at least 10 lists of 256 values. Also the longest id or number; real ones are much shorter. One
    // size for both ways of reading, so both accept the same files.
    private const int BufferBytes = 1 << 16;

    private static readonly JsonReaderOptions Options = new()
    {
        // The object and its lists; deeper levels are refused.
        MaxDepth = 2,
    };

    // State of a JSON reader behind a list: inside the object, after a value. It is the same behind every list.
    private static readonly JsonReaderState BehindList = StateBehind("""{"":[]"""u8);

    /// <summary>Reads an object of embeddings up to the stream's end.</summary>
    /// <param name="stream">The JSON.</param>
    /// <param name="add">Receives the ids and embeddings, in order.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="DataException">The JSON is invalid; the message names file and id.</exception>
    public static void Read(Stream stream, Action<string, ReadOnlySpan<double>> add, string path)
    {
        var entries = new EntryReader(add, path);
        byte[] buffer = new byte[BufferBytes];
        var state = new JsonReaderState(Options);
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

    /// <summary>
    /// Reads the same with several threads, each of which parses blocks of text. A block ends behind a list, where the
    /// state of a JSON reader is known.
    /// </summary>
    /// <exception cref="DataException">
    /// The JSON is invalid, a list is longer than a block, or the last <c>],</c> of a block is inside an id. The
    /// message does not always name the cause; that of <see cref="Read"/> does.
    /// </exception>
    public static void ReadInBlocks(Stream stream, Action<string, ReadOnlySpan<double>> add, string path, int threads)
    {
        byte[] rest = new byte[BufferBytes];
        int restBytes = 0;
        var state = new JsonReaderState(Options);
        bool ended = false;
        new OrderedWork<Block>(Take, static block => block.Parse(), block => block.Give(add)).Run(threads, () => new Block(path));

        bool Take(Block block)
        {
            if (ended)
                return false;
            rest.AsSpan(0, restBytes).CopyTo(block.Text);
            int filled = restBytes + stream.ReadAtLeast(block.Text[restBytes..], BufferBytes - restBytes, throwOnEndOfStream: false);
            ended = filled < BufferBytes;
            int end = ended ? filled : block.Text.LastIndexOf("],"u8) + 1;
            block.Holds(end, ended, state);
            state = BehindList;
            restBytes = filled - end;
            block.Text.Slice(end, restBytes).CopyTo(rest);
            return true;
        }
    }

    private static JsonReaderState StateBehind(ReadOnlySpan<byte> text)
    {
        var json = new Utf8JsonReader(text, isFinalBlock: false, new JsonReaderState(Options));
        while (json.Read())
        {
        }
        return json.CurrentState;
    }

    /// <summary>A block of text, and the embeddings that it contains.</summary>
    private sealed class Block
    {
        private readonly byte[] _text = new byte[BufferBytes];
        private readonly List<(string Id, int Count)> _ids = [];
        private readonly List<double> _values = [];
        private readonly EntryReader _entries;
        private int _bytes;
        private bool _isLast;
        private JsonReaderState _state;

        public Block(string path) => _entries = new EntryReader(Add, path);

        /// <summary>The buffer of the text, [BufferBytes].</summary>
        public Span<byte> Text => _text;

        /// <summary>Sets what of the buffer is text, and the state of a JSON reader before it.</summary>
        public void Holds(int bytes, bool isLast, JsonReaderState state) => (_bytes, _isLast, _state) = (bytes, isLast, state);

        public void Parse()
        {
            _ids.Clear();
            _values.Clear();
            var text = _text.AsSpan(0, _bytes);
            var json = new Utf8JsonReader(text, _isLast, _state);
            _entries.Take(ref json, text);
            if (!_isLast && (json.BytesConsumed < _bytes || _bytes == 0))
                throw _entries.Wrong("does not end where its block of text ends");
        }

        public void Give(Action<string, ReadOnlySpan<double>> add)
        {
            var values = CollectionsMarshal.AsSpan(_values);
            foreach (var (id, count) in _ids)
            {
                add(id, values[..count]);
                values = values[count..];
            }
        }

        private void Add(string id, ReadOnlySpan<double> embedding)
        {
            _ids.Add((id, embedding.Length));
            _values.AddRange(embedding);
        }
    }

    /// <summary>Builds embeddings from tokens. An incomplete embedding continues with the next buffer.</summary>
    private sealed class EntryReader(Action<string, ReadOnlySpan<double>> add, string path)
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
                case JsonTokenType.Number when json.CurrentDepth == Options.MaxDepth:
                    if (_count == _values.Length)
                        throw Wrong($"has more than {_values.Length} values");
                    _values[_count++] = json.GetDouble();
                    break;
                case JsonTokenType.EndArray:
                    add(_id!, _values.AsSpan(0, _count));
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
