using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Records;

/// <summary>Finds the files of a path.</summary>
public static class RecordFiles
{
    private const int MostParts = 4; // of the challenge

    // Extensions of the tables that 'data import' reads.
    private static readonly string[] Tables = [".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"];

    /// <summary>
    /// Expands a path. A file gives itself. A folder gives its files with an extension. A last component with
    /// <c>*</c> or <c>?</c> gives the files that match, except hidden ones (<c>._a.tfrecords</c>). Several files are
    /// in ordinal order of their paths.
    /// </summary>
    /// <exception cref="DataException">There is no such file.</exception>
    public static IReadOnlyList<string> Expand(string path, string extension = TfRecordFormat.FileExtension)
    {
        bool isFolder = PathCheck.IsFolder(path);
        var (folder, pattern) = isFolder
            ? (path, $"*{extension}")
            : (Path.GetDirectoryName(path) ?? "", Path.GetFileName(path));
        if (pattern.AsSpan().IndexOfAny('*', '?') < 0)
        {
            FileFailure.RefuseSpecial(path);
            return !PathCheck.IsFile(path) ? throw new DataException($"{path}: there is no such file")
                : IsTable(path, extension) ? throw new DataException($"{path}: a table must be imported first: data import")
                : [path];
        }

        if (folder.Length > 0 && !PathCheck.IsFolder(folder))
            throw new DataException($"{path}: there is no folder {folder}");

        // Searching "." for a bare pattern would prefix every result with "./".
        var found = FolderListing.Files(folder.Length > 0 ? folder : ".", pattern).Where(f => pattern[0] == '.' || !Path.GetFileName(f).StartsWith('.'));
        string[] files = folder.Length > 0 ? [.. found] : [.. found.Select(f => Path.GetFileName(f))];
        Array.Sort(files, StringComparer.Ordinal);
        return files.Length > 0 ? files : throw new DataException(isFolder && Parts(path, pattern) is { } parts
            ? $"{path}: has no {extension} files itself; {parts}"
            : $"{path}: no file matches {pattern}");
    }

    private static bool IsTable(string path, string extension) =>
        !path.EndsWith(extension, StringComparison.Ordinal) && Tables.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    // The folders in a folder that have files of a pattern, as the end of a message.
    private static string? Parts(string folder, string pattern)
    {
        string[] names = [.. FolderListing.Folders(folder).Where(part => FolderListing.HasFiles(part, pattern)).Select(static part => Printable.OneLine(Path.GetFileName(part))).Order(StringComparer.Ordinal).Take(MostParts)];
        return names.Length switch
        {
            0 => null,
            1 => $"its folder {names[0]} has",
            _ => $"its folders {string.Join(", ", names[..^1])} and {names[^1]} have",
        };
    }
}
