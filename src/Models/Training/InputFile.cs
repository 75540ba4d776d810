using VideoSim.Engine;

namespace VideoSim.Models.Training;

/// <summary>A file that a command reads.</summary>
/// <param name="Option">The option that names it, or the folder with it.</param>
/// <param name="Path">Path of the file. It need not exist.</param>
public sealed record InputFile(string Option, string Path)
{
    private const int MostLinks = 40; // as in Linux

    /// <summary>Refuses inputs that a deletion would take away.</summary>
    /// <param name="run">Folder of the run, for the message.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="deleted">Files and folders that would be deleted. Of a link only the link is deleted.</param>
    /// <exception cref="DataException">An input is among them; the message names its option and its path.</exception>
    internal static void RefuseDeleted(string run, IEnumerable<InputFile> inputs, IEnumerable<string> deleted)
    {
        var gone = deleted.Select(static path => System.IO.Path.Combine(Places(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!).Last(), System.IO.Path.GetFileName(path))).ToHashSet();
        if (inputs.FirstOrDefault(input => Places(input.Path).Any(gone.Contains)) is { } lost)
            throw new DataException($"{lost.Option}: {lost.Path} would be deleted with the run in {run}; choose another --output-dir");
    }

    // The files, folders and links that the file system goes through for a path. The last one is the path without
    // links.
    private static IEnumerable<string> Places(string path)
    {
        string place = "";
        int links = 0;
        var names = new Stack<string>();
        Push(System.IO.Path.GetFullPath(path));
        yield return place;
        while (names.TryPop(out string? name))
        {
            place = name == ".." ? System.IO.Path.GetDirectoryName(place) ?? place : System.IO.Path.Combine(place, name);
            yield return place;
            if (links < MostLinks && new FileInfo(place).LinkTarget is { } target)
            {
                links++;
                place = System.IO.Path.GetDirectoryName(place)!;
                Push(target);
                yield return place;
            }
        }

        void Push(string target)
        {
            string root = System.IO.Path.GetPathRoot(target) ?? "";
            if (root.Length > 0)
                place = root;
            foreach (string name in target[root.Length..].Split(System.IO.Path.DirectorySeparatorChar).Reverse().Where(static name => name is not ("" or ".")))
                names.Push(name);
        }
    }
}
