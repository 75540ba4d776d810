using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>Turns errors of the file system into one clear line that names the file.</summary>
public static class FileFailure
{
    /// <summary>
    /// Whether an exception is an error of the file system (missing, unreadable, full), not a mistake of the program.
    /// </summary>
    public static bool Is(Exception failure) => failure is IOException or UnauthorizedAccessException || IsTooLarge(failure);

    /// <summary>Refuses a device or a pipe. Files are read several times, and a pipe may never end.</summary>
    /// <exception cref="DataException">The path exists and is neither a file nor a folder.</exception>
    public static void RefuseSpecial(string path)
    {
        if (FileKind.IsSpecial(path))
            throw new DataException($"{path}: is a device or a pipe, not a file");
    }

    /// <summary>Refuses a file that is too large to be of its kind, before memory is taken for it.</summary>
    /// <param name="path">The file; it may be missing.</param>
    /// <param name="most">The most bytes that it may have.</param>
    /// <exception cref="DataException">It is larger.</exception>
    public static void RefuseLarge(string path, long most)
    {
        if (new FileInfo(path) is { Exists: true } file && file.Length > most)
            throw new DataException($"{path}: has {file.Length} bytes, more than the limit of {most} for such a file");
    }

    /// <summary>The content of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">The most bytes that it may have.</param>
    /// <exception cref="DataException">It is larger or cannot be read; the message gives the reason.</exception>
    public static byte[] ReadAllBytes(string path, long most = int.MaxValue)
    {
        RefuseSpecial(path);
        try
        {
            RefuseLarge(path, most);
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (Is(e))
        {
            throw Reading(path, e);
        }
    }

    /// <summary>The exception to throw when a file cannot be read.</summary>
    public static DataException Reading(string path, Exception failure) =>
        new($"{path}: cannot be read: {(Directory.Exists(path) ? "it is a folder" : Reason(failure, path))}", failure);

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
        _ when IsTooLarge(failure) => "the file is larger than the file system or the user's limit allows",
        _ => Printable.OneLine(WithoutPath(WithoutPath(WithoutLastPath(failure.Message), Path.GetFullPath(path)), path)).TrimEnd('.'),
    };

    // The system's text, a colon and a path. Of a move it may be either of the two paths.
    private static string WithoutLastPath(string message) =>
        message.EndsWith('\'') && message.IndexOf(" : '", StringComparison.Ordinal) is > 0 and var end ? message[..end] : message;

    private static string WithoutPath(string message, string path) => message
        .Replace($" in '{path}'", "", StringComparison.Ordinal)
        .Replace($" '{path}'", "", StringComparison.Ordinal);

    // .NET's exception for EFBIG, the error for a write beyond the largest size of a file.
    private static bool IsTooLarge(Exception failure) => failure is ArgumentOutOfRangeException { ParamName: "value", InnerException: null, ActualValue: null };
}
