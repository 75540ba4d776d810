using System.Runtime.InteropServices;
using System.Security.Cryptography;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Search;

/// <summary>
/// The content of a file in memory that does not move, for native code. The bytes that were compared with their hash
/// are those that are used, also if another program changes the file.
/// </summary>
public sealed unsafe class FileMemory : IDisposable
{
    private const int MostAtATime = 1 << 20;

    private FileMemory(string path, long length)
    {
        (Path, Length) = (path, length);
        Start = (byte*)NativeMemory.Alloc((nuint)length);
    }

    /// <summary>Path of the file, for messages.</summary>
    public string Path { get; }

    /// <summary>Its size in bytes.</summary>
    public long Length { get; }

    /// <summary>The first byte; null when the memory is free again.</summary>
    public byte* Start { get; private set; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="length">The size that it has; later bytes are not read.</param>
    /// <param name="sha256">Its SHA-256, in lower-case hexadecimal.</param>
    /// <exception cref="DataException">It cannot be read, or is larger than the memory.</exception>
    public static FileMemory Read(string path, long length, out string sha256)
    {
        FileFailure.RefuseSpecial(path);
        if (length > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)
            throw new DataException($"{path}: has {length} bytes, more than the memory that this process may have");
        var memory = new FileMemory(path, length);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (long at = 0; at < length;)
            {
                var part = new Span<byte>(memory.Start + at, (int)Math.Min(MostAtATime, length - at));
                int read = stream.Read(part);
                if (read == 0)
                    throw new DataException($"{path}: the file became shorter while it was read");
                hash.AppendData(part[..read]);
                at += read;
            }
            sha256 = Convert.ToHexStringLower(hash.GetHashAndReset());
            return memory;
        }
        catch (Exception failure)
        {
            memory.Dispose();
            if (FileFailure.Is(failure))
                throw FileFailure.Reading(path, failure);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(Start);
        Start = null;
    }
}
