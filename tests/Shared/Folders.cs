using Xunit;

namespace VideoSim.Tests.Shared;

/// <summary>Compares and copies folders of results.</summary>
internal static class Folders
{
    // A run's date, machine and seconds.
    private static readonly string[] OfOneRun = ["environment.json", "timing.jsonl"];

    /// <summary>
    /// The two folders hold the same files with the same bytes, hidden and temporary ones included. Of
    /// environment.json and timing.jsonl of runs only the names are compared.
    /// </summary>
    /// <param name="expected">One folder.</param>
    /// <param name="actual">The other.</param>
    /// <param name="except">Names of files that need only be in both.</param>
    internal static void AssertEqual(string expected, string actual, params string[] except)
    {
        string[] entries = Entries(expected);
        Assert.Equal(entries, Entries(actual));
        Assert.NotEmpty(entries);
        foreach (string file in entries.Where(entry => !except.Concat(OfOneRun).Contains(Path.GetFileName(entry)) && File.Exists(Path.Combine(expected, entry))))
        {
            bool equal = File.ReadAllBytes(Path.Combine(expected, file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(actual, file)));
            Assert.True(equal, $"{file} differs between {expected} and {actual}");
        }
    }

    /// <summary>Copies all files of a folder.</summary>
    internal static void Copy(string source, string target)
    {
        foreach (string file in Directory.GetFiles(source, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    private static string[] Entries(string folder) =>
        [.. Directory.GetFileSystemEntries(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .Select(path => Path.GetRelativePath(folder, path)).Order(StringComparer.Ordinal)];
}
