using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// The kernels of a program as it is installed: units shipped with it, and what is not among them compiled. Without a compiler
/// what is shipped has to do.
/// </summary>
/// <param name="shipped">What came with the program; its folder may be missing.</param>
/// <param name="compiler">Null where NVRTC was not found.</param>
public sealed class InstalledKernels(ShippedKernels shipped, KernelCompiler? compiler) : IKernelImages
{
    /// <summary>What is installed here: the folder beside the program, and NVRTC, if there is one, with the user's cache.</summary>
    /// <param name="sources">The kernels' sources.</param>
    public static InstalledKernels Open(KernelSources sources) => new(new ShippedKernels(ShippedKernels.DefaultFolder, sources),
        NativeLibraries.Nvrtc.Path is null ? null : new KernelCompiler(sources, new KernelCache(UserCache.Kernels)));

    private readonly List<string> _damaged = [];
    private bool _hasShipped, _hasCompiled;

    /// <summary>Where the images so far came from: "shipped" with the program, "compiled" by NVRTC now or earlier, or "both"; null before the first.</summary>
    public string? From => (_hasShipped, _hasCompiled) switch { (true, true) => "both", (true, false) => "shipped", (false, true) => "compiled", _ => null };

    /// <summary>What is wrong with shipped images that were compiled in their place; each line names a file.</summary>
    public IReadOnlyList<string> Damaged => _damaged;

    /// <inheritdoc/>
    /// <exception cref="DataException">There is neither a compiler nor anything shipped for such a device.</exception>
    public string ArchitectureFor(int computeCapability) => compiler?.ArchitectureFor(computeCapability) ?? shipped.ArchitectureFor(computeCapability)
        ?? throw new DataException($"kernels for compute capability {computeCapability / 10}.{computeCapability % 10} did not come with the program and cannot be compiled: {NativeLibraries.Nvrtc.Advice}");

    /// <inheritdoc/>
    /// <exception cref="DataException">The unit did not come with the program, or is damaged, and cannot be compiled.</exception>
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
