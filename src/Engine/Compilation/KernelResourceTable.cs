using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// Registers, stack, spills and shared memory of every kernel, by compiler version, architecture and entry. The table
/// is kept in the repository, so every change of it is visible.
/// </summary>
public sealed class KernelResourceTable
{
    private const string Resource = "resources.json";

    private readonly SortedDictionary<string, SortedDictionary<string, SortedDictionary<string, KernelResources>>> _versions;

    private KernelResourceTable(SortedDictionary<string, SortedDictionary<string, SortedDictionary<string, KernelResources>>> versions) => _versions = versions;

    /// <summary>Architectures in the table: those of an RTX 3090 and of an H100.</summary>
    public static IReadOnlyList<string> Architectures { get; } = ["sm_86", "sm_90"];

    /// <summary>PTX for every GPU from compute capability 8.0 on; the driver compiles it.</summary>
    public const string Portable = "compute_80";

    /// <summary>The table of this build.</summary>
    public static KernelResourceTable Embedded { get; } = ReadEmbedded();

    /// <summary>Compiles units for some architectures of the table.</summary>
    public static KernelResourceTable Compile(KernelCompiler compiler, IEnumerable<KernelUnit> units, IEnumerable<string> architectures)
    {
        var compiled = new SortedDictionary<string, SortedDictionary<string, KernelResources>>(StringComparer.Ordinal);
        foreach (string architecture in architectures)
            compiled[architecture] = new(units.SelectMany(unit => compiler.Compile(unit, architecture).Resources).ToDictionary(), StringComparer.Ordinal);
        return new(new(StringComparer.Ordinal) { [compiler.Version.ToString()] = compiled });
    }

    /// <summary>Whether the table contains a version of the compiler.</summary>
    public bool Has(Version compiler) => _versions.ContainsKey(compiler.ToString());

    /// <summary>
    /// Resources of one kernel, by the newest compiler in the table; null if the table does not contain it.
    /// </summary>
    public KernelResources? Find(string architecture, string entry) =>
        _versions.Count > 0 && _versions.Last().Value.TryGetValue(architecture, out var entries) ? entries.GetValueOrDefault(entry) : null;

    /// <summary>
    /// Lists the kernels that another table has differently, for one compiler version and the architectures of the
    /// other table.
    /// </summary>
    public IEnumerable<string> Differences(KernelResourceTable now, Version compiler)
    {
        foreach (string architecture in now._versions[compiler.ToString()].Keys)
        {
            var old = EntriesOf(compiler, architecture);
            var current = now.EntriesOf(compiler, architecture);
            foreach (string entry in old.Keys.Union(current.Keys).Order(StringComparer.Ordinal))
            {
                var (before, after) = (old.GetValueOrDefault(entry), current.GetValueOrDefault(entry));
                if (before != after)
                    yield return $"{entry} for {architecture}: {before?.ToString() ?? "not there"} -> {after?.ToString() ?? "not there"}";
            }
        }
    }

    /// <summary>Returns this table, with the compiler versions of another table in place of its own.</summary>
    public KernelResourceTable With(KernelResourceTable other)
    {
        var versions = new SortedDictionary<string, SortedDictionary<string, SortedDictionary<string, KernelResources>>>(_versions, StringComparer.Ordinal);
        foreach (var (version, architectures) in other._versions)
            versions[version] = architectures;
        return new(versions);
    }

    /// <summary>The table as JSON, one kernel a line.</summary>
    public string ToJson()
    {
        var text = new StringBuilder("{");
        string versionEnd = "\n";
        foreach (var (version, architectures) in _versions)
        {
            text.Append($"{versionEnd}  \"{version}\": {{");
            string architectureEnd = "\n";
            foreach (var (architecture, entries) in architectures)
            {
                var lines = entries.Select(static entry => $"      \"{entry.Key}\": {JsonSerializer.Serialize(entry.Value, ResourceJson.Default.KernelResources)}");
                text.Append($"{architectureEnd}    \"{architecture}\": {{\n{string.Join(",\n", lines)}\n    }}");
                architectureEnd = ",\n";
            }
            text.Append("\n  }");
            versionEnd = ",\n";
        }
        return text.Append("\n}\n").ToString();
    }

    private SortedDictionary<string, KernelResources> EntriesOf(Version compiler, string architecture) =>
        _versions.TryGetValue(compiler.ToString(), out var architectures) && architectures.TryGetValue(architecture, out var entries) ? entries : [];

    private static KernelResourceTable ReadEmbedded()
    {
        using var stream = typeof(KernelResourceTable).Assembly.GetManifestResourceStream(Resource)!;
        return new(JsonSerializer.Deserialize(stream, ResourceJson.Default.Versions)!);
    }
}

/// <summary>JSON of resource tables.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(SortedDictionary<string, SortedDictionary<string, SortedDictionary<string, KernelResources>>>), TypeInfoPropertyName = "Versions")]
[JsonSerializable(typeof(KernelResources))]
internal sealed partial class ResourceJson : JsonSerializerContext;
