using VideoSim.Engine.Serialization;
using VideoSim.Kernels;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// The texts of the kernels' <c>.cu</c> files and of the <c>.cuh</c> headers they include, by file name.
/// </summary>
public sealed class KernelSources
{
    private readonly Dictionary<string, string> _texts;

    /// <summary>Sources from memory.</summary>
    /// <param name="texts">Texts by file name; headers are the ones that end in <c>.cuh</c>.</param>
    public KernelSources(IEnumerable<KeyValuePair<string, string>> texts)
    {
        _texts = new(texts);
        Headers = _texts.Where(static pair => pair.Key.EndsWith(".cuh", StringComparison.Ordinal)).ToDictionary();
    }

    /// <summary>The sources embedded in the assembly of the kernels.</summary>
    public static KernelSources Embedded { get; } = new(ReadResources()) { Variants = ("variants.json of the program", ReadTable()) };

    /// <summary>
    /// The embedded sources, with the files of a folder in place of those of the same name, variants.json among them;
    /// null or empty for no folder.
    /// </summary>
    public static KernelSources In(string? folder) => string.IsNullOrEmpty(folder) ? Embedded : Embedded.With(folder);

    /// <summary>Whether files from the disk replace texts: those of someone who tries things.</summary>
    public bool HasOthers { get; private init; }

    /// <summary>
    /// The table of variants that comes with the sources, see <see cref="VariantTable.Of"/>; null for none.
    /// </summary>
    internal (string Path, byte[] Content)? Variants { get; private init; }

    /// <summary>Every text by file name.</summary>
    public IReadOnlyDictionary<string, string> Texts => _texts;

    /// <summary>The headers alone.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; }

    /// <summary>Names and texts of the headers in fixed order, for cache keys.</summary>
    internal IEnumerable<string> HeaderTexts =>
        Headers.OrderBy(static header => header.Key, StringComparer.Ordinal).SelectMany(static header => new[] { header.Key, header.Value });

    /// <summary>The text of one file.</summary>
    /// <exception cref="InvalidOperationException">There is no such file.</exception>
    public string this[string file] => _texts.TryGetValue(file, out string? text) ? text
        : throw new InvalidOperationException($"there is no kernel source {file}; the sources are {string.Join(", ", _texts.Keys.Order())}");

    /// <summary>Returns these sources, with files from the disk in place of those of the same name.</summary>
    /// <param name="path">A <c>.cu</c> or <c>.cuh</c> file, or a folder that is searched for such files.</param>
    /// <exception cref="DataException">
    /// There is no such file or folder, or no file has the name of a source.
    /// </exception>
    public KernelSources With(string path)
    {
        string[] files = PathCheck.IsFolder(path) ? [.. FolderListing.FilesBelow(path, "*.cu*").Order(StringComparer.Ordinal)]
            : PathCheck.IsFile(path) ? [path] : throw new DataException($"{path}: there is no such file or folder");
        string[] known = [.. files.Where(file => _texts.ContainsKey(Path.GetFileName(file)))];
        string table = Path.Combine(path, VariantTable.FileName);
        bool hasTable = PathCheck.IsFile(table);
        if (known.Length == 0 && !hasTable)
            throw new DataException($"{path}: contains no kernel source; the sources are {string.Join(", ", _texts.Keys.Order(StringComparer.Ordinal))}");
        if (known.GroupBy(Path.GetFileName).FirstOrDefault(static group => group.Count() > 1) is { } twice)
            throw new DataException($"{path}: contains two files named {twice.Key}: {string.Join(", ", twice)}");
        var replaced = new Dictionary<string, string>(_texts);
        foreach (string file in known)
            replaced[Path.GetFileName(file)] = FileFailure.ReadAllText(file);
        return new(replaced) { HasOthers = HasOthers || known.Length > 0, Variants = hasTable ? (table, JsonFile.ReadBytes(table)) : Variants };
    }

    private static byte[] ReadTable()
    {
        using var stream = typeof(Catalog).Assembly.GetManifestResourceStream(VariantTable.FileName)!;
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private static IEnumerable<KeyValuePair<string, string>> ReadResources()
    {
        var assembly = typeof(Catalog).Assembly;
        foreach (string name in assembly.GetManifestResourceNames().Where(static name => name.EndsWith(".cu", StringComparison.Ordinal)
            || name.EndsWith(".cuh", StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return new(name, reader.ReadToEnd());
        }
    }
}
