using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>Turns errors of the file system into one clear line that names the file.</summary>
public static class FileFailure
{
    /// <summary>
    /// Whether an exception is an error of the file system (missing, unreadable, full), not a mistake of the program.
    /// </summary>
    public static bool Is(Exception failure) => failure is IOException or UnauthorizedAccessException || IsNoPath(failure) || IsTooLarge(failure);

    /// <summary>Refuses a device or a pipe. Files are read several times, and a pipe may never end.</summary>
    /// <exception cref="DataException">The path exists and is neither a file nor a folder.</exception>
    public static void RefuseSpecial(string path)
    {
        if (FileKind.IsSpecial(path))
            throw new DataException($"{path}: is a device or a pipe, not a file");
    }

    /// <summary>Refuses a device, a pipe or a folder where a file is to be written in place.</summary>
    /// <exception cref="DataException">The path exists and is not a file.</exception>
    public static void RequireFile(string path)
    {
        RefuseSpecial(path);
        if (Directory.Exists(path))
            throw new DataException($"{path}: cannot be written: it is a folder");
    }

    /// <summary>The content of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">Its largest size; <see cref="FileLimit.Small"/> if left out.</param>
    /// <exception cref="DataException">It cannot be read or is too large; the message gives the reason.</exception>
    public static byte[] ReadAllBytes(string path, FileLimit? limit = null)
    {
        RefuseSpecial(path);
        limit ??= FileLimit.Small;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
            return ReadAll(stream, limit) ?? throw new DataException($"{path}: {limit.Refusal}");
        }
        catch (Exception e) when (Is(e))
        {
            throw Reading(path, e);
        }
    }

    /// <summary>The content of a text file in UTF-8, or in UTF-16 with a byte order mark.</summary>
    /// <inheritdoc cref="ReadAllBytes"/>
    public static string ReadAllText(string path, FileLimit? limit = null)
    {
        using var reader = new StreamReader(new MemoryStream(ReadAllBytes(path, limit)));
        return reader.ReadToEnd();
    }

    // Null if there is too much. Files of /proc have no length, and a file may grow while it is read.
    private static byte[]? ReadAll(FileStream stream, FileLimit limit)
    {
        const int Least = 1 << 12;
        if (stream.Length > limit.Bytes)
            return null;
        byte[] bytes = new byte[Math.Max(stream.Length + 1, Least)];
        for (int filled = 0; ;)
        {
            int read = stream.Read(bytes, filled, bytes.Length - filled);
            if (read == 0)
                return bytes[..filled];
            filled += read;
            if (filled > limit.Bytes)
                return null;
            if (filled == bytes.Length)
                Array.Resize(ref bytes, (int)Math.Min(2L * bytes.Length, limit.Bytes + 1L));
        }
    }

    /// <summary>The exception to throw when a file cannot be read.</summary>
    public static DataException Reading(string path, Exception failure) =>
        Directory.Exists(path) ? new DataException($"{path}: cannot be read: it is a folder", failure) : ReadingFolder(path, failure);

    /// <summary>The exception to throw when a path that may be a folder cannot be read.</summary>
    public static DataException ReadingFolder(string path, Exception failure) => new($"{path}: cannot be read: {Reason(failure, path)}", failure);

    /// <summary>The exception to throw when a file or folder cannot be written.</summary>
    /// <param name="path">The path that the user named.</param>
    /// <param name="failure">The error that the file system reported.</param>
    /// <param name="temporary">The temporary path that was written instead; it is removed from the message.</param>
    public static DataException Writing(string path, Exception failure, string temporary) =>
        new($"{path}: cannot be written: {Reason(failure, temporary)}", failure);

    /// <summary>The reason of an error, without the path.</summary>
    /// <param name="failure">The error that the file system reported.</param>
    /// <param name="path">The path that was used.</param>
    public static string Reason(Exception failure, string path) => failure switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file or folder",
        UnauthorizedAccessException => "access is denied",
        PathTooLongException => "the path, or a name in it, is too long",
        _ when IsNoPath(failure) => "the path is empty or has a NUL character",
        _ when IsTooLarge(failure) => "the file is larger than the file system or the user's limit allows",
        _ => Printable.OneLine(WithoutPath(WithoutPath(WithoutLastPath(failure.Message), Path.GetFullPath(path)), path)).TrimEnd('.'),
    };

    // The system's text, a colon and a path. Of a move it may be either of the two paths.
    private static string WithoutLastPath(string message) =>
        message.EndsWith('\'') && message.IndexOf(" : '", StringComparison.Ordinal) is > 0 and var end ? message[..end] : message;

    private static string WithoutPath(string message, string path) => message
        .Replace($" in '{path}'", "", StringComparison.Ordinal)
        .Replace($" '{path}'", "", StringComparison.Ordinal);

    // .NET checks paths before it calls the system.
    private static bool IsNoPath(Exception failure) => failure is ArgumentException { ParamName: "path" } and not ArgumentOutOfRangeException;

    // .NET's exception for EFBIG, the error for a write beyond the largest size of a file.
    private static bool IsTooLarge(Exception failure) => failure is ArgumentOutOfRangeException { ParamName: "value", InnerException: null, ActualValue: null };
}
