namespace VideoSim.Engine.Serialization;

/// <summary>Turns errors of the file system into one clear line that names the file.</summary>
public static class FileFailure
{
    /// <summary>
    /// Whether an exception is an error of the file system (missing, unreadable, full), not a mistake of the program.
    /// </summary>
    public static bool Is(Exception failure) => failure is IOException or UnauthorizedAccessException || IsTooLarge(failure);

    /// <summary>The content of a file.</summary>
    /// <exception cref="DataException">It cannot be read; the message gives the reason.</exception>
    public static byte[] ReadAllBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (Is(e))
        {
            throw Reading(path, e);
        }
    }

    /// <summary>The exception to throw when a file cannot be read.</summary>
    public static DataException Reading(string path, Exception failure) =>
        new($"{path}: cannot be read: {(Directory.Exists(path) ? "it is a folder" : Reason(failure, Path.GetFullPath(path)))}", failure);

    /// <summary>The exception to throw for a device or a pipe, which cannot be read at positions.</summary>
    public static DataException Special(string path) => new($"{path}: cannot be read: it is a device or a pipe, not a file");

    /// <summary>The exception to throw when a file or folder cannot be written.</summary>
    /// <param name="path">The path that the user named.</param>
    /// <param name="failure">The error that the file system reported.</param>
    /// <param name="temporary">The temporary path that was written instead; it is removed from the message.</param>
    public static DataException Writing(string path, Exception failure, string temporary) =>
        new($"{path}: cannot be written: {Reason(failure, temporary)}", failure);

    private static string Reason(Exception failure, string path) => failure switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file or folder",
        _ when IsTooLarge(failure) => "the file is larger than the file system or the user's limit allows",
        _ => Printable.OneLine(failure.Message
            .Replace($" : '{path}'", "", StringComparison.Ordinal)
            .Replace($" '{path}'", "", StringComparison.Ordinal)).TrimEnd('.'),
    };

    // .NET's exception for EFBIG, the error for a write beyond the largest size of a file.
    private static bool IsTooLarge(Exception failure) => failure is ArgumentOutOfRangeException { ParamName: "value", InnerException: null, ActualValue: null };
}
