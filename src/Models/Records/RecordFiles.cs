using VideoSim.Engine;

namespace VideoSim.Models.Records;

/// <summary>Finds the files of a path.</summary>
public static class RecordFiles
{
    /// <summary>
    /// Expands a path. A file gives itself. A folder gives its files with an extension. A last component with
    /// <c>*</c> or <c>?</c> gives the files that match, except hidden ones (<c>._a.tfrecords</c>). Several files are
    /// in ordinal order of their paths.
    /// </summary>
    /// <exception cref="DataException">There is no such file.</exception>
    public static IReadOnlyList<string> Expand(string path, string extension = TfRecordFormat.FileExtension)
    {
        var (folder, pattern) = Directory.Exists(path)
            ? (path, $"*{extension}")
            : (Path.GetDirectoryName(path) ?? "", Path.GetFileName(path));
        if (pattern.AsSpan().IndexOfAny('*', '?') < 0)
            return File.Exists(path) ? [path] : throw new DataException($"{path}: there is no such file");

        if (folder.Length > 0 && !Directory.Exists(folder))
            throw new DataException($"{path}: there is no folder {folder}");

        // Searching "." for a bare pattern would prefix every result with "./".
        var found = Directory.GetFiles(folder.Length > 0 ? folder : ".", pattern).Where(f => pattern[0] == '.' || !Path.GetFileName(f).StartsWith('.'));
        string[] files = folder.Length > 0 ? [.. found] : [.. found.Select(f => Path.GetFileName(f))];
        Array.Sort(files, StringComparer.Ordinal);
        return files.Length > 0 ? files : throw new DataException($"{path}: no file matches {pattern}");
    }
}
