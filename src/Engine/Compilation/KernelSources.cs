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
