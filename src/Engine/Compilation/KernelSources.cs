using VideoSim.Kernels;

namespace VideoSim.Engine.Compilation;

/// <summary>The texts of the kernels' <c>.cu</c> files and of the <c>.cuh</c> headers they include, by file name.</summary>
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

    /// <summary>What the assembly of the kernels carries.</summary>
    public static KernelSources Embedded { get; } = new(ReadResources());

    /// <summary>The embedded sources with those of a folder in their place; null or empty for no folder.</summary>
    public static KernelSources In(string? folder) => string.IsNullOrEmpty(folder) ? Embedded : Embedded.With(folder);

    /// <summary>Every text by file name.</summary>
    public IReadOnlyDictionary<string, string> Texts => _texts;

    /// <summary>The headers alone.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; }

    /// <summary>Names and texts of the headers, in an order that is always the same: what keys are made of.</summary>
    internal IEnumerable<string> HeaderTexts =>
        Headers.OrderBy(static header => header.Key, StringComparer.Ordinal).SelectMany(static header => new[] { header.Key, header.Value });

    /// <summary>The text of one file.</summary>
    /// <exception cref="InvalidOperationException">There is no such file.</exception>
    public string this[string file] => _texts.TryGetValue(file, out string? text) ? text
        : throw new InvalidOperationException($"no kernel source is called {file}; there are {string.Join(", ", _texts.Keys.Order())}");

    /// <summary>These sources with files from disk in the place of those of the same names.</summary>
    /// <param name="path">A <c>.cu</c> or <c>.cuh</c> file, or a folder that is searched for such files.</param>
    /// <exception cref="DataException">There is no such file, or none that has the name of a source.</exception>
    public KernelSources With(string path)
    {
        string[] files = Directory.Exists(path) ? [.. Directory.EnumerateFiles(path, "*.cu*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)]
            : File.Exists(path) ? [path] : throw new DataException($"{path}: there is no such file or folder");
        string[] known = [.. files.Where(file => _texts.ContainsKey(Path.GetFileName(file)))];
        if (known.Length == 0)
            throw new DataException($"{path}: holds no kernel source; these have one: {string.Join(", ", _texts.Keys.Order(StringComparer.Ordinal))}");
        if (known.GroupBy(Path.GetFileName).FirstOrDefault(static group => group.Count() > 1) is { } twice)
            throw new DataException($"{path}: {twice.Key} is there twice: {string.Join(", ", twice)}");
        var replaced = new Dictionary<string, string>(_texts);
        foreach (string file in known)
            replaced[Path.GetFileName(file)] = File.ReadAllText(file);
        return new(replaced);
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
