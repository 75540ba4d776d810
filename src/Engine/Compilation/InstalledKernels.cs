using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// The kernels of an installed program: images that came with it, and units that NVRTC compiles because their image is
/// missing. Without NVRTC only the images that came with the program are available.
/// </summary>
/// <param name="shipped">Images that came with the program; the folder may be missing.</param>
/// <param name="compiler">Null if NVRTC was not found.</param>
public sealed class InstalledKernels(ShippedKernels shipped, KernelCompiler? compiler) : IKernelImages
{
    /// <summary>
    /// The kernels of this program: the folder beside it, and NVRTC with the user's cache, if NVRTC is found.
    /// </summary>
    /// <param name="sources">The kernels' sources.</param>
    public static InstalledKernels Open(KernelSources sources) => new(new ShippedKernels(ShippedKernels.DefaultFolder, sources),
        NativeLibraries.Nvrtc.Path is null ? null : new KernelCompiler(sources, new KernelCache(UserCache.Kernels)));

    private readonly List<string> _damaged = [];
    private bool _hasShipped, _hasCompiled;

    /// <summary>
    /// Source of the images so far: "shipped" with the program, "compiled" by NVRTC now or earlier, or "both"; null
    /// before the first.
    /// </summary>
    public string? From => (_hasShipped, _hasCompiled) switch { (true, true) => "both", (true, false) => "shipped", (false, true) => "compiled", _ => null };

    /// <summary>One line that tells why the cache of compiled kernels is not used; null if it is.</summary>
    public string? CacheProblem => compiler?.CacheProblem;

    /// <summary>Damaged shipped images that were compiled instead, one line each with the file's name.</summary>
    public IReadOnlyList<string> Damaged => _damaged;

    /// <inheritdoc/>
    /// <exception cref="DataException">
    /// NVRTC was not found, and no image came with the program for such a device.
    /// </exception>
    public string ArchitectureFor(int computeCapability) => compiler?.ArchitectureFor(computeCapability) ?? shipped.ArchitectureFor(computeCapability)
        ?? throw new DataException($"kernels for compute capability {computeCapability / 10}.{computeCapability % 10} did not come with the program and cannot be compiled: {NativeLibraries.Nvrtc.Advice}");

    /// <inheritdoc/>
    /// <exception cref="DataException">
    /// The unit did not come with the program, or is damaged, and cannot be compiled.
    /// </exception>
    public KernelImage Compile(KernelUnit unit, string architecture)
    {
        try
        {
            if (shipped.Find(unit, architecture) is { } image)
            {
                _hasShipped = true;
                return image;
            }
        }
        catch (DataException e) when (compiler is not null)
        {
            _damaged.Add(e.Message);
        }
        _hasCompiled |= compiler is not null;
        return compiler?.Compile(unit, architecture)
            ?? throw new DataException($"{unit.Source}, as it is now, did not come with the program for {architecture} and cannot be compiled: {NativeLibraries.Nvrtc.Advice}");
    }
}
