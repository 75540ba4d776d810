using System.Collections.Immutable;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Records;

namespace VideoSim.Models.Training;

/// <summary>The formats of videos. The extensions of files give their format.</summary>
public static class VideoFormats
{
    // One line for each format. If several fit, the first is used. If none fits, the first of all is used.
    private static ImmutableArray<IVideoFormat> _all =
    [
        TfRecordFormat.Instance,
    ];

    /// <summary>Adds a format of the calling program, after the others.</summary>
    public static void Add(IVideoFormat format) => ImmutableInterlocked.Update(ref _all, static (all, added) => all.Add(added), format);

    /// <summary>The format that all given files have.</summary>
    public static IVideoFormat Of(IReadOnlyList<string> files) => First(format => files.All(file => file.EndsWith(format.Extension, StringComparison.Ordinal)));

    /// <summary>
    /// The format of the file with a given path, to which the format's extension is added. Without such a file it is
    /// the format of a folder's files.
    /// </summary>
    public static IVideoFormat OfNamed(string path, string folder) =>
        _all.FirstOrDefault(format => File.Exists(path + format.Extension)) ?? First(format => HasFiles(folder, format));

    /// <summary>
    /// Expands a path as <see cref="RecordFiles.Expand"/> does. A folder gives the files of its format.
    /// </summary>
    /// <exception cref="Engine.DataException">There is no such file.</exception>
    public static IReadOnlyList<string> Expand(string path) =>
        RecordFiles.Expand(path, First(format => HasFiles(path, format) || path.EndsWith(format.Extension, StringComparison.Ordinal)).Extension);

    /// <summary>Expands several paths.</summary>
    /// <exception cref="Engine.DataException">There is no such file, or a file is given twice.</exception>
    public static IReadOnlyList<string> Expand(IEnumerable<string> paths)
    {
        string[] files = [.. paths.SelectMany(Expand)];
        var seen = new HashSet<string>();
        return files.FirstOrDefault(file => !seen.Add(Path.GetFullPath(file))) is { } twice ? throw new Engine.DataException($"{twice}: is given twice") : files;
    }

    private static bool HasFiles(string folder, IVideoFormat format) => Directory.Exists(folder) && FolderListing.HasFiles(folder, $"*{format.Extension}");

    private static IVideoFormat First(Func<IVideoFormat, bool> fits) => _all.FirstOrDefault(fits, _all[0]);
}
