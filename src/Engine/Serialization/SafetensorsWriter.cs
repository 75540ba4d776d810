using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Serialization;

/// <summary>Writes part of a tensor's bytes to a buffer while the file is written.</summary>
/// <param name="offset">The first byte of the part, counted from the tensor's beginning.</param>
/// <param name="destination">Receives the bytes from there on.</param>
public delegate void TensorSource(long offset, Span<byte> destination);

/// <summary>
/// Writes a safetensors file from tensors on the host or on a device. Their bytes pass through one small buffer. The
/// same tensors in the same order give the same file, byte for byte.
/// </summary>
public sealed class SafetensorsWriter
{
    /// <summary>The name that no tensor can have.</summary>
    public const string ReservedName = SafetensorsFormat.MetadataKey;

    // Large enough for the disk and for copies from a device, small compared with any model.
    private const int ChunkBytes = 1 << 20;

    // Tensors begin at a multiple of this in the file, as far as the sizes before them allow it. No number is longer.
    private const int Alignment = 8;

    private static readonly JsonWriterOptions HeaderOptions = new()
    {
        // Names are for people; no web page contains them.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly OrderedDictionary<string, string> _metadata = [];
    private readonly OrderedDictionary<string, (SafetensorsEntry Entry, TensorSource Source)> _tensors = [];
    private long _dataBytes;

    /// <summary>Adds a text to the metadata.</summary>
    public void AddMetadata(string key, string value) => _metadata.Add(key, value);

    /// <summary>Adds a tensor; a function supplies its bytes when the file is written.</summary>
    /// <param name="name">Its name; a name may be used once.</param>
    /// <param name="type">How its numbers are encoded.</param>
    /// <param name="shape">Its dimensions, row-major; none for a single number.</param>
    /// <param name="source">Supplies its bytes, from front to back.</param>
    public void Add(string name, SafetensorsType type, ReadOnlySpan<long> shape, TensorSource source)
    {
        if (name == ReservedName)
            throw new ArgumentException($"'{name}' cannot name a tensor", nameof(name));
        long bytes = SafetensorsFormat.ByteCount(type, shape)
            ?? throw new ArgumentException($"tensor '{name}' has the impossible shape {SafetensorsFormat.Show(shape)}", nameof(shape));
        _tensors.Add(name, (new SafetensorsEntry(name, type, [.. shape], _dataBytes, bytes), source));
        _dataBytes += bytes;
    }

    /// <summary>Adds a float32 tensor in host memory.</summary>
    /// <param name="name">Its name; a name may be used once.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="address">Its first byte; must stay valid until the file is written.</param>
    public unsafe void Add(string name, Shape shape, nint address) =>
        Add(name, SafetensorsType.F32, Dimensions(shape), (offset, destination) =>
            new ReadOnlySpan<byte>((byte*)address + offset, destination.Length).CopyTo(destination));

    /// <summary>Adds a float32 tensor in managed memory.</summary>
    /// <param name="name">Its name; a name may be used once.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="values">Its numbers, one for each element of the shape; read when the file is written.</param>
    public void Add(string name, Shape shape, ReadOnlyMemory<float> values)
    {
        if (values.Length != shape.Count)
            throw new ArgumentException($"tensor '{name}' of shape {shape} was given {values.Length} numbers", nameof(values));
        Add(name, SafetensorsType.F32, Dimensions(shape), (offset, destination) =>
            MemoryMarshal.AsBytes(values.Span.Slice((int)(offset / sizeof(float)), destination.Length / sizeof(float)))
                .CopyTo(destination));
    }

    /// <summary>Writes the file's bytes. <see cref="AtomicFile.Write"/> makes a file of them.</summary>
    public void WriteTo(Stream stream)
    {
        stream.Write(Header());
        var direct = stream as IBufferWriter<byte>; // a stream with a buffer that sources can fill
        byte[] buffer = direct is null ? new byte[Math.Min(ChunkBytes, Align(_dataBytes))] : [];
        foreach (var (entry, source) in _tensors.Values)
        {
            for (long offset = 0; offset < entry.ByteCount;)
            {
                var room = direct is null ? buffer : direct.GetSpan(Alignment);
                var chunk = room[..(int)Math.Min(room.Length & -Alignment, entry.ByteCount - offset)]; // whole numbers
                source(offset, chunk);
                if (direct is null)
                    stream.Write(chunk);
                else
                    direct.Advance(chunk.Length);
                offset += chunk.Length;
            }
        }
    }

    private ReadOnlySpan<byte> Header()
    {
        var bytes = new ArrayBufferWriter<byte>();
        // The length is known only at the end, but its place is at the beginning.
        bytes.Write(stackalloc byte[SafetensorsFormat.LengthBytes]);
        using (var json = new Utf8JsonWriter(bytes, HeaderOptions))
        {
            json.WriteStartObject();
            if (_metadata.Count > 0)
            {
                json.WriteStartObject(SafetensorsFormat.MetadataKey);
                foreach (var (key, value) in _metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            foreach (var (entry, _) in _tensors.Values)
                WriteEntry(json, entry);
            json.WriteEndObject();
        }
        while (bytes.WrittenCount % Alignment != 0)
            bytes.Write(" "u8);
        byte[] header = bytes.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - SafetensorsFormat.LengthBytes);
        return header;
    }

    private static long Align(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static long[] Dimensions(Shape shape) => Array.ConvertAll(shape.ToArray(), dimension => (long)dimension);

    private static void WriteEntry(Utf8JsonWriter json, SafetensorsEntry entry)
    {
        json.WriteStartObject(entry.Name);
        json.WriteString("dtype", entry.Type.ToString());
        WriteIntegers(json, "shape", entry.Shape);
        WriteIntegers(json, "data_offsets", [entry.Offset, entry.Offset + entry.ByteCount]);
        json.WriteEndObject();
    }

    private static void WriteIntegers(Utf8JsonWriter json, string field, ImmutableArray<long> values)
    {
        json.WriteStartArray(field);
        foreach (long value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
