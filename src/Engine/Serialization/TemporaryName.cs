using System.Security.Cryptography;
using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Names of files and folders that are being written, and of folders that make room for their successor:
/// <c>.tmp-NAME-RANDOM</c> and <c>.old-NAME-RANDOM</c>, with 16 random hexadecimal digits. Other users cannot guess
/// them. If a process is killed, they stay. NAME has at most 70 characters; the rest of a longer name is left out.
/// </summary>
public static class TemporaryName
{
    private const string Unfinished = ".tmp-", Replaced = ".old-", Deleted = ".nfs";
    private const int Digits = 16;

    // A name may have 255 bytes, and a character takes up to 3 of them. All names in run folders are shorter.
    private const int LongestName = 70;

    /// <summary>A path beside another one, for what will replace it.</summary>
    public static string OfUnfinished(string path) => Beside(path, Unfinished);

    /// <summary>A path beside a folder, to move it to.</summary>
    public static string OfReplaced(string path) => Beside(path, Replaced);

    /// <summary>
    /// The final name of an unfinished file or folder; null if a path has no such name. The parent is ignored.
    /// </summary>
    public static string? FinalNameOfUnfinished(string path) => FinalName(path, Unfinished);

    /// <summary>The same for a folder that was moved.</summary>
    public static string? FinalNameOfReplaced(string path) => FinalName(path, Replaced);

    /// <summary>
    /// Whether a path has the name that NFS gives to a file that was deleted while a process of this machine has it
    /// open. It stays until the file is closed.
    /// </summary>
    public static bool IsDeleted(string path)
    {
        var name = Path.GetFileName(path.AsSpan());
        return name.Length > Deleted.Length && name.StartsWith(Deleted, StringComparison.Ordinal) && IsHexadecimal(name[Deleted.Length..]);
    }

    /// <summary>The final name of what a path is, or was to be.</summary>
    public static string FinalName(string path) => FinalNameOfUnfinished(path) ?? FinalNameOfReplaced(path) ?? Path.GetFileName(path);

    /// <summary>
    /// The unfinished files of this user that were to become a file. A link of such a name is another user's trap.
    /// </summary>
    /// <exception cref="DataException">The folder cannot be read.</exception>
    public static IEnumerable<string> UnfinishedOf(string path)
    {
        string full = Path.GetFullPath(path);
        return FolderListing.Files(Path.GetDirectoryName(full)!, Unfinished + "*")
            .Where(other => FinalNameOfUnfinished(other) == Shorten(Path.GetFileName(full)) && (FileKind.StatusOf(other) is not { } status || (status.IsFile && status.Owner == FileKind.ThisUser)));
    }

    private static string Beside(string path, string prefix)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), name = Shorten(Path.GetFileName(full));
        return Path.Combine(Path.GetDirectoryName(full) ?? full, $"{prefix}{name}-{RandomNumberGenerator.GetHexString(Digits, lowercase: true)}");
    }

    private static string Shorten(string name) => name[..Math.Min(name.Length, LongestName)];

    private static string? FinalName(string path, string prefix)
    {
        var name = Path.GetFileName(path.AsSpan());
        return name.Length > prefix.Length + 1 + Digits && name.StartsWith(prefix, StringComparison.Ordinal) && name[^(Digits + 1)] == '-' && IsHexadecimal(name[^Digits..])
            ? name[prefix.Length..^(Digits + 1)].ToString() : null;
    }

    private static bool IsHexadecimal(ReadOnlySpan<char> digits)
    {
        foreach (char digit in digits)
        {
            if (!char.IsAsciiHexDigitLower(digit))
                return false;
        }
        return true;
    }
}
