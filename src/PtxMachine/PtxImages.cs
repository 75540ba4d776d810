using VideoSim.Engine.Compilation;

namespace VideoSim.PtxMachine;

/// <summary>Units as PTX of compute_80, for any device.</summary>
/// <param name="compiler">Compiles them.</param>
public sealed class PtxImages(IKernelImages compiler) : IKernelImages
{
    /// <inheritdoc/>
    public string ArchitectureFor(int computeCapability) => KernelResourceTable.Portable;

    /// <inheritdoc/>
    public KernelImage Compile(KernelUnit unit, string architecture) => compiler.Compile(unit, architecture);
}
