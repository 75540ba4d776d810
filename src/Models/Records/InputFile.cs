using Microsoft.Win32.SafeHandles;
using VideoSim.Engine;

namespace VideoSim.Models.Records;

/// <summary>Opens and reads input files, and turns what the system objects to into one clear line that names the file.</summary>
internal static class InputFile
{
    /// <summary>Opens a file for positional reads.</summary>
    /// <exception cref="DataException">There is no such file, or it cannot be read.</exception>
    internal static SafeFileHandle Open(string path, FileOptions access, out long length)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, options: access);
            length = RandomAccess.GetLength(file);
            return file;
        }
        catch (Exception e) when (IsRefusal(e))
        {
            file?.Dispose();
            throw Refused(path, e);
        }
    }

    /// <summary>Reads as many bytes as the file has from <paramref name="offset"/> on, at most a full buffer.</summary>
    /// <returns>The number of bytes read.</returns>
    /// <exception cref="DataException">The file cannot be read.</exception>
    internal static int Read(SafeFileHandle file, string path, Span<byte> buffer, long offset)
    {
        try
        {
            var filled = 0;
            while (filled < buffer.Length)
            {
                var read = RandomAccess.Read(file, buffer[filled..], offset + filled);
                if (read == 0)
                {
                    break;
                }

                filled += read;
            }

            return filled;
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw Refused(path, e);
        }
    }

    /// <summary>Reads a whole (small) file.</summary>
    /// <exception cref="DataException">There is no such file, or it cannot be read.</exception>
    internal static byte[] ReadAllBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw Refused(path, e);
        }
    }

    private static bool IsRefusal(Exception e) =>
        e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException;

    private static DataException Refused(string path, Exception e) =>
        e is FileNotFoundException or DirectoryNotFoundException
            ? new DataException($"{path}: there is no such file", e)
            : new DataException($"{path}: cannot be read: {e.Message}", e);
}
