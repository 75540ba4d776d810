using System.Globalization;
using VideoSim.Engine.Serialization;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// A folder of compiled units, one file for each unit and architecture. It travels with a published program, so the
/// target machine needs no compiler. An image serves only the source that it was compiled from: after an edit of the
/// source it is not found.
/// </summary>
public sealed class ShippedKernels(string folder, KernelSources sources)
{
    /// <summary>The folder of a published program, beside the program.</summary>
    public static string DefaultFolder => Path.Combine(AppContext.BaseDirectory, "kernels");

    /// <summary>Compiles every unit for some architectures into a folder.</summary>
    /// <param name="folder">Folder for the files.</param>
    /// <param name="compiler">Compiles them.</param>
    /// <param name="units">The units.</param>
    /// <param name="architectures">Such as <c>sm_90</c>, and <c>compute_80</c> for all that are newer.</param>
    /// <returns>The number of files written.</returns>
    /// <exception cref="DataException">The folder cannot be written.</exception>
    public static int Write(string folder, KernelCompiler compiler, IReadOnlyList<KernelUnit> units, IReadOnlyList<string> architectures)
    {
        var shipped = new ShippedKernels(folder, compiler.Sources);
        foreach (var unit in units)
        {
            foreach (string architecture in architectures)
                KernelImageFile.Write(shipped.PathOf(unit, architecture), shipped.KeyOf(unit, architecture), compiler.Compile(unit, architecture));
        }
        return units.Count * architectures.Count;
    }

    /// <summary>
    /// The architecture of the image for a device: the device's own, else the newest PTX that is not newer than the
    /// device; null if no image runs on it.
    /// </summary>
    public string? ArchitectureFor(int computeCapability)
    {
        if (!Directory.Exists(folder))
            return null;
        var there = FolderListing.Files(folder, "*.image").Select(static file => Path.GetFileNameWithoutExtension(file).Split('.')[^1]).ToHashSet();
        if (there.Contains($"sm_{computeCapability}"))
            return $"sm_{computeCapability}";
        const string Ptx = "compute_";
        int newest = there.Where(static name => name.StartsWith(Ptx, StringComparison.Ordinal))
            .Select(static name => int.TryParse(name.AsSpan(Ptx.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int known) ? known : 0).Where(known => known <= computeCapability).DefaultIfEmpty().Max();
        return newest == 0 ? null : $"{Ptx}{newest}";
    }

    /// <summary>The image of a unit; null if there is none.</summary>
    /// <exception cref="DataException">The file is damaged.</exception>
    public KernelImage? Find(KernelUnit unit, string architecture) => KernelImageFile.Read(PathOf(unit, architecture), KeyOf(unit, architecture));

    private string KeyOf(KernelUnit unit, string architecture) =>
        KernelImageFile.Key([architecture, unit.Name, unit.Suffix, sources[unit.Source], unit.LayoutAssertions(), .. sources.HeaderTexts]);

    // Units of one source differ by their macros.
    private string PathOf(KernelUnit unit, string architecture) =>
        Path.Combine(folder, $"{Path.GetFileNameWithoutExtension(unit.Source)}-{KernelImageFile.Key(unit.Macros)[..8]}.{architecture}.image");
}
