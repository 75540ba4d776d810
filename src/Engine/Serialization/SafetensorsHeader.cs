using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Reads the JSON header of a safetensors file and checks all of it. The result describes disjoint ranges that fill
/// the file's data exactly.
/// </summary>
internal ref struct SafetensorsHeader
{
    // The format has two levels and the list of a shape. One more level is allowed: a nested shape then gets
    // its own error message.
    private const int DeepestNesting = 4;

    // NumPy's limit. Without a limit, a header of zeros would become a list of many times its size.
    private const int MostDimensions = 64;

    private static readonly string[] TypeNames = Enum.GetNames<SafetensorsType>();

    private static readonly SafetensorsType[] Types = Enum.GetValues<SafetensorsType>();

    private readonly string _path;
    private readonly long _dataBytes;
    private readonly Dictionary<string, string> _metadata = [];
    private readonly List<SafetensorsEntry> _entries = [];
    private Utf8JsonReader _json;

    private SafetensorsHeader(ReadOnlySpan<byte> header, long dataBytes, string path)
    {
        _path = path;
        _dataBytes = dataBytes;
        _json = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = DeepestNesting });
    }

    /// <summary>Parses and checks a header.</summary>
    /// <param name="header">The header's bytes, padding included.</param>
    /// <param name="dataBytes">Number of bytes after it in the file.</param>
    /// <param name="path">The file, for messages.</param>
    /// <returns>The metadata, and the tensors in the header's order.</returns>
    /// <exception cref="DataException">Anything is wrong; the message names the file and the tensor.</exception>
    public static (IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<SafetensorsEntry> Entries) Parse(
        ReadOnlySpan<byte> header, long dataBytes, string path)
    {
        if (header.IsEmpty || header[0] != '{')
            throw new DataException($"{path}: the header does not begin with '{{': not a safetensors file");
        var parser = new SafetensorsHeader(header, dataBytes, path);
        try
        {
            parser.ReadHeader();
        }
        catch (JsonException failure)
        {
            throw new DataException($"{path}: the header is not valid JSON: {Printable.OneLine(failure.Message)}", failure);
        }
        parser.CheckRanges();
        return (parser._metadata, parser._entries);
    }

    private void ReadHeader()
    {
        var names = new HashSet<string>();
        _json.Read();
        while (NextProperty("header") is { } name)
        {
            if (!names.Add(name))
                throw new DataException($"{_path}: the header names {Printable.Quote(name)} twice");
            _json.Read();
            if (name == SafetensorsFormat.MetadataKey)
                ReadMetadata();
            else
                ReadEntry(name);
        }
        // Only blanks may follow; Read throws for anything else.
        _json.Read();
    }

    private void ReadMetadata()
    {
        Expect(JsonTokenType.StartObject, "metadata", "is not an object");
        while (NextProperty("metadata") is { } key)
        {
            _json.Read();
            Expect(JsonTokenType.String, $"metadata {Printable.Quote(key)}", "is not a text");
            if (_metadata.Count == SafetensorsFormat.MostEntries)
                throw new DataException($"{_path}: has more than {SafetensorsFormat.MostEntries} texts of metadata");
            if (!_metadata.TryAdd(key, Text("metadata")))
                throw new DataException($"{_path}: metadata {Printable.Quote(key)} is given twice");
        }
    }

    private void ReadEntry(string name)
    {
        if (_entries.Count == SafetensorsFormat.MostEntries)
            throw new DataException($"{_path}: has more than {SafetensorsFormat.MostEntries} tensors");
        string tensor = $"tensor {Printable.Quote(name)}";
        SafetensorsType? type = null;
        ImmutableArray<long>? shape = null;
        ImmutableArray<long>? range = null;
        Expect(JsonTokenType.StartObject, tensor, "is not an object");
        while (NextProperty(tensor) is { } field)
        {
            _json.Read();
            bool repeated = field switch
            {
                "dtype" => Set(ref type, ReadType(tensor)),
                "shape" => Set(ref shape, ReadIntegers(tensor, "shape", MostDimensions)),
                "data_offsets" => Set(ref range, ReadIntegers(tensor, "data_offsets", 2)),
                _ => throw Wrong(tensor, $"has an unknown field {Printable.Quote(field)}"),
            };
            if (repeated)
                throw Wrong(tensor, $"has two fields '{field}'");
        }
        _entries.Add(CheckEntry(
            name, tensor,
            type ?? throw Wrong(tensor, "has no dtype"),
            shape ?? throw Wrong(tensor, "has no shape"),
            range ?? throw Wrong(tensor, "has no data_offsets")));
    }

    private readonly SafetensorsEntry CheckEntry(
        string name, string tensor, SafetensorsType type, ImmutableArray<long> shape, ImmutableArray<long> range)
    {
        if (range.Length != 2 || range[0] < 0 || range[1] < range[0])
            throw Wrong(tensor, $"has the byte range {SafetensorsFormat.Show(range.AsSpan())}");
        if (range[1] > _dataBytes)
            throw Wrong(tensor, $"ends at byte {range[1]} of the data, but only {_dataBytes} bytes are there: truncated?");
        long bytes = SafetensorsFormat.ByteCount(type, shape.AsSpan())
            ?? throw Wrong(tensor, $"has the impossible shape {SafetensorsFormat.Show(shape.AsSpan())}");
        if (bytes != range[1] - range[0])
        {
            throw Wrong(tensor,
                $"of shape {SafetensorsFormat.Show(shape.AsSpan())} and type {type} needs {bytes} bytes, its range has {range[1] - range[0]}");
        }
        return new SafetensorsEntry(name, type, shape, range[0], bytes);
    }

    private readonly void CheckRanges()
    {
        long end = 0;
        foreach (var entry in _entries.OrderBy(entry => entry.Offset).ThenBy(entry => entry.ByteCount))
        {
            if (entry.Offset != end)
            {
                throw Wrong($"tensor {Printable.Quote(entry.Name)}", entry.Offset < end
                    ? $"begins at byte {entry.Offset} of the data, inside the tensor before it"
                    : $"begins at byte {entry.Offset} of the data and leaves a gap after byte {end}");
            }
            end = entry.Offset + entry.ByteCount;
        }
        if (end != _dataBytes)
            throw new DataException($"{_path}: {_dataBytes - end} bytes after the last tensor belong to none");
    }

    // The next property's name, or null at the end of the object.
    private string? NextProperty(string owner)
    {
        _json.Read();
        return _json.TokenType == JsonTokenType.PropertyName ? Text(owner) : null;
    }

    private readonly SafetensorsType ReadType(string tensor)
    {
        Expect(JsonTokenType.String, tensor, "has a dtype that is not a text");
        string text = Text(tensor);
        // Enum.TryParse would also take numbers and lists.
        int known = Array.IndexOf(TypeNames, text);
        return known >= 0
            ? Types[known]
            : throw Wrong(tensor, $"has the unknown dtype {Printable.Quote(text)}");
    }

    private ImmutableArray<long> ReadIntegers(string tensor, string field, int most)
    {
        Expect(JsonTokenType.StartArray, tensor, $"has a {field} that is not a list");
        var values = ImmutableArray.CreateBuilder<long>();
        while (_json.Read() && _json.TokenType != JsonTokenType.EndArray)
        {
            if (_json.TokenType != JsonTokenType.Number || !_json.TryGetInt64(out long value))
                throw Wrong(tensor, $"has a {field} with a value that is not a 64-bit integer");
            if (values.Count == most)
                throw Wrong(tensor, $"has a {field} of more than {most} numbers");
            values.Add(value);
        }
        return values.ToImmutable();
    }

    private readonly string Text(string owner)
    {
        try
        {
            return _json.GetString()!;
        }
        catch (InvalidOperationException failure)
        {
            throw new DataException($"{_path}: {owner} has a text that is not valid Unicode", failure);
        }
    }

    private readonly void Expect(JsonTokenType type, string owner, string complaint)
    {
        if (_json.TokenType != type)
            throw Wrong(owner, complaint);
    }

    private readonly DataException Wrong(string owner, string complaint) => new($"{_path}: {owner} {complaint}");

    private static bool Set<T>([NotNull] ref T? field, T value) where T : struct
    {
        bool repeated = field.HasValue;
        field = value;
        return repeated;
    }
}
