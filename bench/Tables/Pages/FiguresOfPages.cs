using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Profiling;

namespace VideoSim.Tables.Pages;

/// <summary>
/// Writes the tables and pictures of pages from folders of results: <c>bench/Tables -- readme FOLDER</c>.
/// </summary>
public static class FiguresOfPages
{
    /// <summary>The folder of a mark whose figures nobody measured yet.</summary>
    public const string NoFolder = "none";

    /// <summary>Name of the folder with the pictures of a run.</summary>
    public const string Pictures = "pictures";

    private const string Images = "docs/images", NotMeasured = "Not measured.";

    private static readonly string[] Pages = ["README.md", "bench/results/README.md"];
    private static readonly string[] Themes = ["light", "dark"];

    // Parts by name: the table, or nothing if the folder has no such results, and the picture below it.
    private static readonly Dictionary<string, (Func<string, string?> Table, string? Picture, string Shows)> Parts = new()
    {
        ["scores"] = (ScoresTable.Of, null, ""),
        ["run"] = (Of(RunTables.Run), null, ""),
        ["peers"] = (Of(RunTables.Peers), "steps", "The times of training steps as bars: VideoSim's by kernel, beside the peers."),
        ["operators"] = (Of(RunTables.Operators), null, ""),
        ["steps"] = (Of(RunTables.Steps), "memory", "The peak memory of steps as bars."),
        ["kernels"] = (Of(RunTables.Kernels), "roofline", "The rate of each kernel below the ceilings of the machine, a plot for each family."),
        ["sizes"] = (Of(RunTables.Sizes), "sizes", "Time against size, a line for each system, with a band from the 10th to the 90th percentile."),
    };

    /// <summary>Writes all parts of the pages whose results a folder has, and copies their pictures.</summary>
    /// <param name="root">The repository.</param>
    /// <param name="folder">A folder of results inside of it.</param>
    /// <returns>The files that changed, from the root.</returns>
    /// <exception cref="DataException">
    /// The folder is outside of the repository, one of its files is wrong, or no page has a part for its results. No
    /// file has changed then. Or a file could not be written.
    /// </exception>
    public static IReadOnlyList<string> Write(string root, string folder)
    {
        string source = Path.GetRelativePath(root, folder).Replace('\\', '/');
        if (source.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(source) || source.Contains(": ", StringComparison.Ordinal))
            throw new DataException($"{folder}: must be a folder of the repository, such as bench/results/2026-12-01-h100");
        var changes = new Dictionary<string, byte[]>();
        bool isUsed = false;
        foreach (string page in Pages)
        {
            string old = Text(root, page);
            Change(page, Encoding.UTF8.GetBytes(MarkedPage.Rewrite(page, old, part =>
            {
                if (Make(root, page, part with { Folder = source }) is not { } made)
                    return part;
                isUsed = true;
                foreach (string image in ImagesOf(root, part with { Folder = source }))
                    Change($"{Images}/{image}", FileFailure.ReadAllBytes(Path.Combine(root, source, Pictures, image)));
                return made;
            })));
        }
        if (!isUsed)
            throw new DataException($"{folder}: has results for no mark in {string.Join(", ", Pages)}; a mark is the line <!-- from {NoFolder}: NAME -->, with <!-- end --> below it, where NAME is one of {string.Join(", ", Parts.Keys)}");
        foreach (var (path, bytes) in changes)
            AtomicFile.Write(Path.Combine(root, path), stream => stream.Write(bytes));
        return [.. changes.Keys];

        void Change(string path, byte[] bytes)
        {
            string file = Path.Combine(root, path);
            if (!File.Exists(file) || !File.ReadAllBytes(file).AsSpan().SequenceEqual(bytes))
                changes[path] = bytes;
        }
    }

    /// <summary>
    /// Sentences, one for each part of a page and each copied picture that is not what its folder says.
    /// </summary>
    /// <param name="root">The repository.</param>
    /// <exception cref="DataException">A page or a file of results is wrong.</exception>
    public static IReadOnlyList<string> Differences(string root)
    {
        var differences = new List<string>();
        foreach (string page in Pages)
        {
            MarkedPage.Rewrite(page, Text(root, page), part =>
            {
                if (Make(root, page, part) != part)
                    differences.Add($"{page}: the part '{part.Name}' is not what {part.Folder} says: dotnet run -c Release --project bench/Tables -- readme {part.Folder}");
                differences.AddRange(ImagesOf(root, part).Where(image => !IsCopied(root, part.Folder, image)).Select(image => $"{Images}/{image} is not the picture of {part.Folder}"));
                return part;
            });
        }
        return differences;
    }

    // Null if the folder has no results for the part.
    private static MarkedPart? Make(string root, string page, MarkedPart part)
    {
        if (!Parts.TryGetValue(part.Name, out var known))
            throw new DataException($"{page}: a mark has the name {Printable.Quote(part.Name)}, which is none of {string.Join(", ", Parts.Keys)}");
        if (part.Folder == NoFolder)
            return part with { Text = NotMeasured };
        if (known.Table(Path.Combine(root, part.Folder)) is not { } table)
            return null;
        string up = string.Concat(Enumerable.Repeat("../", page.Count(static letter => letter == '/')));
        return part with { Text = ImagesOf(root, part).Length == 0 ? table : $"{table}\n\n{Picture($"{up}{Images}/{known.Picture}", known.Shows)}" };
    }

    // Both files of the part's picture, if it is drawn.
    private static string[] ImagesOf(string root, MarkedPart part)
    {
        string[] images = Parts[part.Name].Picture is { } name ? [.. Themes.Select(theme => $"{name}-{theme}.svg")] : [];
        return images.All(image => File.Exists(Path.Combine(root, part.Folder, Pictures, image))) ? images : [];
    }

    private static bool IsCopied(string root, string folder, string image)
    {
        string copy = Path.Combine(root, Images, image);
        return File.Exists(copy) && File.ReadAllBytes(copy).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(root, folder, Pictures, image)));
    }

    private static string Picture(string path, string shows) =>
        $"<picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"{path}-{Themes[1]}.svg\"><img src=\"{path}-{Themes[0]}.svg\" alt=\"{shows}\" width=\"760\"></picture>";

    private static Func<string, string?> Of(Func<BenchRun, IReadOnlyList<BenchRow>, string?> table) => folder =>
    {
        string run = Path.Combine(folder, BenchRun.FileName);
        return File.Exists(run) ? table(BenchResults.ReadRun(run), BenchResults.ReadRows(Path.Combine(folder, BenchRun.RowsFileName))) : null;
    };

    private static string Text(string root, string page) => Encoding.UTF8.GetString(FileFailure.ReadAllBytes(Path.Combine(root, page)));
}
