using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Reads a safetensors file. Opening it checks the whole header against the file, so every listed tensor can be read.
/// Content is read on request into the caller's memory. The file is not mapped: if a mapped file is cut short, the
/// process is killed.
/// </summary>
public sealed class SafetensorsReader : IDisposable
{
    // Size of the buffer for numbers that need conversion.
    private const int ChunkBytes = 1 << 16;

    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly long _dataStart;
    private readonly Dictionary<string, SafetensorsEntry> _byName;

    private SafetensorsReader(string path, SafeFileHandle file)
    {
        _path = path;
        _file = file;
        long fileBytes = RandomAccess.GetLength(file);
        Span<byte> lengthBytes = stackalloc byte[SafetensorsFormat.LengthBytes];
        if (fileBytes < lengthBytes.Length)
            throw new DataException($"{path}: {fileBytes} bytes are too few for a safetensors file");
        Fill(lengthBytes, 0, "the header's length");
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(lengthBytes);
        if (headerBytes > SafetensorsFormat.LongestHeader)
        {
            throw new DataException(
                $"{path}: claims a header of {headerBytes} bytes, more than the {SafetensorsFormat.LongestHeader} allowed: not a safetensors file?");
        }
        if (headerBytes > (ulong)(fileBytes - lengthBytes.Length))
            throw new DataException($"{path}: claims a header of {headerBytes} bytes, but the file has {fileBytes}: truncated?");
        byte[] header = new byte[headerBytes];
        Fill(header, lengthBytes.Length, "the header");
        _dataStart = lengthBytes.Length + header.Length;
        (Metadata, Entries) = SafetensorsHeader.Parse(header, fileBytes - _dataStart, path);
        _byName = Entries.ToDictionary(entry => entry.Name);
    }

    /// <summary>The texts that the writer stored with the tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>All tensors, in the order of the header.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="DataException">
    /// The file cannot be read or is not valid; the message names file and tensor.
    /// </exception>
    public static SafetensorsReader Open(string path)
    {
        FileFailure.RefuseSpecial(path);
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path);
            return new SafetensorsReader(path, file);
        }
        catch (Exception failure)
        {
            file?.Dispose();
            if (FileFailure.Is(failure))
                throw FileFailure.Reading(path, failure);
            throw;
        }
    }

    /// <summary>Looks up a tensor.</summary>
    /// <returns>The tensor, or null if the file has none of that name.</returns>
    public SafetensorsEntry? TryFind(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Finds a tensor that must exist with a given shape.</summary>
    /// <exception cref="DataException">It is missing or has another shape.</exception>
    public SafetensorsEntry Find(string name, Shape shape)
    {
        var entry = TryFind(name) ?? throw new DataException($"{_path}: tensor {Printable.Quote(name)} is missing");
        if (!entry.Shape.SequenceEqual(shape.ToArray().Select(dimension => (long)dimension)))
        {
            throw new DataException(
                $"{_path}: tensor {Printable.Quote(name)} has shape {SafetensorsFormat.Show(entry.Shape.AsSpan())}, expected {shape}");
        }
        return entry;
    }

    /// <summary>Reads a tensor's bytes as they are.</summary>
    /// <param name="entry">A tensor of this file.</param>
    /// <param name="destination">Receives exactly <see cref="SafetensorsEntry.ByteCount"/> bytes.</param>
    /// <exception cref="DataException">The file can no longer be read.</exception>
    public void ReadBytes(SafetensorsEntry entry, Span<byte> destination)
    {
        CheckLength(entry, destination.Length, entry.ByteCount);
        FillFrom(entry, 0, destination);
    }

    /// <summary>Reads a tensor of floating-point numbers as float32; F64 is rounded.</summary>
    /// <param name="entry">A tensor of this file, of type F32, F16, BF16 or F64.</param>
    /// <param name="destination">Receives exactly <see cref="SafetensorsEntry.ElementCount"/> numbers.</param>
    /// <exception cref="DataException">
    /// The tensor holds no floating-point numbers, or the file can no longer be read.
    /// </exception>
    public void ReadFloats(SafetensorsEntry entry, Span<float> destination)
    {
        CheckLength(entry, destination.Length, entry.ElementCount);
        ReadFloats(entry, 0, destination);
    }

    /// <summary>Reads some numbers of a tensor of floating-point numbers as float32; F64 is rounded.</summary>
    /// <param name="entry">A tensor of this file, of type F32, F16, BF16 or F64.</param>
    /// <param name="first">The first number, row-major.</param>
    /// <param name="destination">Receives the numbers from there on; the tensor must have that many.</param>
    /// <exception cref="DataException">
    /// The tensor holds no floating-point numbers, or the file can no longer be read.
    /// </exception>
    public void ReadFloats(SafetensorsEntry entry, long first, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, entry.ElementCount - destination.Length);
        int size = entry.Type.ByteSize();
        if (entry.Type == SafetensorsType.F32)
        {
            FillFrom(entry, first * size, MemoryMarshal.AsBytes(destination));
            return;
        }
        if (!entry.Type.IsFloat())
            throw new DataException($"{_path}: tensor {Printable.Quote(entry.Name)} has type {entry.Type}, expected floating-point numbers");
        byte[] chunk = new byte[Math.Min(ChunkBytes, (long)destination.Length * size)];
        while (!destination.IsEmpty)
        {
            int count = Math.Min(chunk.Length / size, destination.Length);
            FillFrom(entry, first * size, chunk.AsSpan(0, count * size));
            entry.Type.ToFloats(chunk.AsSpan(0, count * size), destination[..count]);
            destination = destination[count..];
            first += count;
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static void CheckLength(SafetensorsEntry entry, int given, long needed)
    {
        if (given != needed)
            throw new ArgumentException($"tensor {Printable.Quote(entry.Name)} needs room for {needed}, got {given}");
    }

    private void FillFrom(SafetensorsEntry entry, long offset, Span<byte> destination) =>
        Fill(destination, _dataStart + entry.Offset + offset, $"tensor {Printable.Quote(entry.Name)}");

    private void Fill(Span<byte> destination, long position, string what)
    {
        try
        {
            while (!destination.IsEmpty)
            {
                int read = RandomAccess.Read(_file, destination, position);
                if (read == 0)
                    throw new DataException($"{_path}: the file ended inside {what}; it was cut short after it was opened");
                destination = destination[read..];
                position += read;
            }
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Reading(_path, failure);
        }
    }
}
