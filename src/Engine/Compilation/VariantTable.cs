using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Compilation;

/// <summary>One line of a <see cref="VariantTable"/>: the values of macros for some launches of one kernel.</summary>
/// <param name="Kernel">Entry of the kernel.</param>
/// <param name="Device">Name of the GPU without its number, or an architecture such as <c>sm_90</c>.</param>
/// <param name="Shape">
/// The least and the largest value of integer fields of the kernel's arguments; fields that are left out may have any
/// value.
/// </param>
/// <param name="Defines">Values of macros.</param>
/// <param name="Reason">Why this variant is chosen, with figures.</param>
/// <param name="Measured">Date and machine of the measurement.</param>
public sealed record VariantEntry(string Kernel, string Device, IReadOnlyDictionary<string, long[]> Shape, IReadOnlyDictionary<string, int> Defines, string Reason, string Measured)
{
    internal bool IsFor(VariantEntry other) => (Kernel, Device) == (other.Kernel, other.Device) && Shape.Count == other.Shape.Count
        && Shape.All(field => other.Shape.TryGetValue(field.Key, out long[]? range) && range.SequenceEqual(field.Value));
}

/// <summary>
/// Variants of kernels by device and shape of a launch: the file variants.json of the program, or of a folder of
/// sources. The first line that fits a launch counts; a launch without one has the default values.
/// </summary>
public sealed class VariantTable
{
    /// <summary>Name of the file in a folder of sources.</summary>
    public const string FileName = "variants.json";

    private readonly IReadOnlyList<VariantEntry> _entries;

    private VariantTable(IReadOnlyList<VariantEntry> entries, string hash) => (_entries, Hash) = (entries, hash);

    /// <summary>A table without lines.</summary>
    public static VariantTable Empty { get; } = new([], "");

    /// <summary>Whether the table has no lines.</summary>
    public bool IsEmpty => _entries.Count == 0;

    /// <summary>Begin of the SHA-256 of the file.</summary>
    public string Hash { get; }

    /// <summary>The table that comes with sources.</summary>
    /// <exception cref="DataException">It has an error; the message names file, entry and field.</exception>
    public static VariantTable Of(KernelSources sources) => sources.Variants is { } file ? Parse(file.Path, file.Content, sources) : Empty;

    /// <summary>
    /// Adds lines to a file, in place of lines for the same kernel, device and shape. Creates the file if it is
    /// missing.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="entries">The lines.</param>
    /// <param name="sources">The kernels' sources.</param>
    /// <exception cref="DataException">The file has an error, or cannot be read or written.</exception>
    public static void Write(string path, IReadOnlyList<VariantEntry> entries, KernelSources sources)
    {
        var old = PathCheck.IsFile(path) ? Parse(path, JsonFile.ReadBytes(path), sources)._entries : [];
        IReadOnlyList<VariantEntry> all = [.. old.Where(entry => !entries.Any(entry.IsFor)), .. entries];
        AtomicFile.Write(path, stream =>
        {
            JsonSerializer.Serialize(stream, all, VariantJson.Default.IReadOnlyListVariantEntry);
            stream.Write("\n"u8);
        });
    }

    /// <summary>Units, and those that this table needs in addition.</summary>
    public IReadOnlyList<KernelUnit> WithVariants(IReadOnlyList<KernelUnit> units) =>
    [
        .. units.Concat(from entry in _entries
                        from unit in units
                        where unit.Kernels.Any(kernel => kernel.Entry == entry.Kernel)
                        select unit.With(new Variant(entry.Defines))).DistinctBy(static unit => (unit.Name, unit.Suffix)),
    ];

    /// <summary>The lines for a device.</summary>
    /// <param name="device">Its name without number.</param>
    /// <param name="computeCapability">Ten times its major version plus its minor one.</param>
    internal Rules For(string device, int computeCapability) => new(_entries.Where(entry => entry.Device == device || entry.Device == $"sm_{computeCapability}"));

    internal static VariantTable Parse(string path, byte[] content, KernelSources sources)
    {
        var entries = JsonFile.Parse(path, content, VariantJson.Default.IReadOnlyListVariantEntry);
        for (int i = 0; i < entries.Count; i++)
        {
            if (Problem(entries[i], sources) is { } problem)
                throw new DataException($"{path}: entry {i + 1}{(entries[i]?.Kernel is { } name ? $", {Printable.OneLine(name)}" : "")}: {problem}");
        }
        return new(entries, Convert.ToHexStringLower(SHA256.HashData(content))[..8]);
    }

    private static string? Problem(VariantEntry? entry, KernelSources sources)
    {
        if (entry is null or { Kernel: null } or { Device: null } or { Shape: null } or { Defines: null } or { Reason: null } or { Measured: null })
            return "is null, or has a field that is null";
        if (Catalog.Kernels.FirstOrDefault(kernel => kernel.Entry == entry.Kernel) is not { Source: not null } kernel)
            return "kernel: there is no such kernel with a CUDA source";
        foreach (var (field, text) in new[] { ("device", entry.Device), ("reason", entry.Reason), ("measured", entry.Measured) })
        {
            if (string.IsNullOrWhiteSpace(text))
                return $"{field}: is empty";
        }
        foreach (var (field, range) in entry.Shape)
        {
            if (kernel.Layout.IntegerAt(field) is null)
                return $"shape: {kernel.Layout.Name} has no integer {Printable.OneLine(field)}; it has {string.Join(", ", kernel.Layout.Integers)}";
            if (range is not [var least, var most] || least > most)
                return $"shape: {field} must be the least and the largest value, such as [1, 4096]";
        }
        var macros = SourceMacros.Of(kernel, sources);
        if (entry.Defines.Count == 0)
            return "defines: is empty";
        if (entry.Defines.Keys.FirstOrDefault(name => !macros.ContainsKey(name)) is { } unknown)
            return $"defines: {SourceMacros.Advice([kernel], sources, Printable.OneLine(unknown))}";
        try
        {
            foreach (var (name, value) in entry.Defines)
                SourceMacros.Require(kernel, name, value);
            return null;
        }
        catch (DataException e)
        {
            return $"defines: {e.Message}";
        }
    }

    /// <summary>Chooses the variant of a launch. Allocates nothing.</summary>
    internal sealed unsafe class Rules
    {
        private readonly Dictionary<string, Rule[]> _byEntry;

        public Rules(IEnumerable<VariantEntry> entries) => _byEntry = entries.GroupBy(static entry => entry.Kernel)
            .ToDictionary(static group => group.Key, static group => group.Select(static entry => new Rule([.. entry.Shape.Select(static field => (field.Key, field.Value[0], field.Value[1]))], new Variant(entry.Defines))).ToArray());

        public Variant Find(Kernel kernel, void* args)
        {
            if (!_byEntry.TryGetValue(kernel.Entry, out var rules))
                return Variant.Default;
            foreach (var rule in rules)
            {
                if (rule.Fits(kernel.Layout, args))
                    return rule.Variant;
            }
            return Variant.Default;
        }

        private sealed record Rule((string Field, long Least, long Most)[] Ranges, Variant Variant)
        {
            public bool Fits(ArgumentLayout layout, void* args)
            {
                foreach (var (field, least, most) in Ranges)
                {
                    long value = layout.ReadInteger(field, args);
                    if (value < least || value > most)
                        return false;
                }
                return true;
            }
        }
    }
}

/// <summary>JSON of tables of variants.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(IReadOnlyList<VariantEntry>))]
internal sealed partial class VariantJson : JsonSerializerContext;
