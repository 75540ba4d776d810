using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Datasets;

/// <summary>Opens and reads input files, with a plain message for each failure.</summary>
internal static class InputFile
{
    /// <summary>
    /// Opens a file for positional reads. Returns false and the reason if it does not exist or cannot be read.
    /// </summary>
    internal static bool TryOpen(
        string path, FileOptions access, [NotNullWhen(true)] out SafeFileHandle? file, out long length, [NotNullWhen(false)] out string? reason)
    {
        file = null;
        length = 0;
        if (FileKind.IsSpecial(path))
        {
            reason = "is a device or a pipe";
            return false;
        }
        try
        {
            file = File.OpenHandle(path, options: access);
            length = RandomAccess.GetLength(file);
            reason = null;
            return true;
        }
        catch (Exception e) when (IsRefusal(e))
        {
            file?.Dispose();
            file = null;
            reason = Reason(e, path);
            return false;
        }
    }

    /// <summary>
    /// Reads bytes from <paramref name="offset"/> on, until the buffer is full or the file ends. If the disk fails,
    /// fewer bytes are read and <paramref name="reason"/> has the error.
    /// </summary>
    internal static int Read(SafeFileHandle file, Span<byte> buffer, long offset, out string? reason)
    {
        reason = null;
        int filled = 0;
        try
        {
            while (filled < buffer.Length)
            {
                int read = RandomAccess.Read(file, buffer[filled..], offset + filled);
                if (read == 0)
                    break;

                filled += read;
            }
        }
        catch (Exception e) when (IsRefusal(e))
        {
            reason = Reason(e, "/");
        }

        return filled;
    }

    private static bool IsRefusal(Exception e) =>
        e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException;

    // The message of the caller names the file, in a form that fits on a line.
    private static string Reason(Exception e, string path) => e is FileNotFoundException or DirectoryNotFoundException ? "there is no such file"
        : $"cannot be read: {FileFailure.Reason(e, path)}";
}
