using Microsoft.Win32.SafeHandles;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained;

/// <summary>
/// Positional reads of an untrusted file. The file is not memory-mapped: if a mapped file is truncated, the process is
/// killed.
/// </summary>
internal sealed class FileBytes : IDisposable
{
    private readonly SafeFileHandle _handle;

    private FileBytes(string path, SafeFileHandle handle)
    {
        (Path, _handle) = (path, handle);
        Length = RandomAccess.GetLength(handle);
    }

    /// <summary>Path of the file, for messages.</summary>
    public string Path { get; }

    /// <summary>Its size in bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="DataException">It cannot be opened.</exception>
    public static FileBytes Open(string path)
    {
        FileFailure.RefuseSpecial(path);
        try
        {
            return new FileBytes(path, File.OpenHandle(path));
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Reading(path, failure);
        }
    }

    /// <summary>Reads bytes.</summary>
    /// <param name="position">Position of the first byte.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <param name="what">Description of the bytes, for the message if the file ends early.</param>
    /// <exception cref="DataException">The file ends early or cannot be read.</exception>
    public void Read(long position, Span<byte> destination, string what)
    {
        try
        {
            while (!destination.IsEmpty)
            {
                int read = RandomAccess.Read(_handle, destination, position);
                if (read == 0)
                    throw new DataException($"{Path}: ends at byte {position}, inside {what}: truncated?");
                destination = destination[read..];
                position += read;
            }
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Reading(Path, failure);
        }
    }

    /// <summary>Reads a range as an array. The caller has checked that the file is long enough.</summary>
    public byte[] Read(long position, int count, string what)
    {
        byte[] bytes = new byte[count];
        Read(position, bytes, what);
        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
