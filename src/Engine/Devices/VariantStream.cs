using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Launches one build of the kernels on the stream of a CUDA device: other sources, or other values of macros. The
/// device owns it. Matrix products of libraries run as on the device's own stream.
/// </summary>
public sealed unsafe class VariantStream : ComputeStream
{
    private readonly CudaStream _stream;
    private readonly CudaModules _modules;
    private readonly Variant _variant;

    internal VariantStream(CudaStream stream, CudaModules modules, Variant variant) => (_stream, _modules, _variant) = (stream, modules, variant);

    /// <summary>The name of a kernel in this build.</summary>
    public string SymbolOf(Kernel kernel) => _modules.SymbolOf(kernel, _variant);

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes) => _stream.Launch(kernel, args, bytes, _modules, _variant);

    /// <inheritdoc/>
    public override void Synchronize() => _stream.Synchronize();
}
