using VideoSim.Engine.Compilation;
using VideoSim.Kernels.Contract;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Compiled kernels in a context. A unit is compiled and loaded when the first of its kernels is launched.
/// </summary>
internal sealed unsafe class CudaModules(CudaContext context, IKernelImages images, IEnumerable<Kernel> kernels) : IDisposable
{
    private readonly IReadOnlyList<KernelUnit> _units = KernelUnit.Group(kernels);
    private readonly string _architecture = images.ArchitectureFor(context.ComputeCapability);
    private readonly Dictionary<Kernel, nint> _functions = [];
    private readonly List<nint> _modules = [];

    /// <summary>Source of the compiled units.</summary>
    public IKernelImages Images => images;

    /// <summary>The function of a kernel.</summary>
    /// <exception cref="NotSupportedException">The kernel has no CUDA source.</exception>
    public nint FunctionOf(Kernel kernel)
    {
        if (!_functions.TryGetValue(kernel, out nint function))
        {
            Load(kernel);
            function = _functions[kernel];
        }
        return function;
    }

    public void Dispose()
    {
        foreach (nint module in _modules)
            context.CheckRelease(() => cuModuleUnload(module), nameof(cuModuleUnload));
        _modules.Clear();
        _functions.Clear();
    }

    private void Load(Kernel kernel)
    {
        if (kernel.Source is null)
            throw new DataException($"{kernel} has no CUDA source: it runs on the CPU only");
        var unit = _units.FirstOrDefault(unit => unit.Kernels.Contains(kernel))
            ?? throw new InvalidOperationException($"{context.Name} was opened without {kernel}");
        byte[] code = images.Compile(unit, _architecture).Code;
        nint module;
        fixed (byte* pointer = code)
            context.Check(cuModuleLoadData(out module, pointer), $"{nameof(cuModuleLoadData)} of {unit.Name}");
        _modules.Add(module);
        foreach (var entry in unit.Kernels)
        {
            context.Check(cuModuleGetFunction(out nint function, module, entry.Entry), $"{nameof(cuModuleGetFunction)} of {entry}");
            AllowSharedMemory(function, entry);
            _functions.Add(entry, function);
        }
    }

    // Without this a block may use 48 KiB, static and dynamic shared memory together.
    private void AllowSharedMemory(nint function, Kernel kernel)
    {
        context.Check(cuFuncGetAttribute(out int bytes, StaticSharedBytes, function), $"{nameof(cuFuncGetAttribute)} of {kernel}");
        context.Check(cuFuncSetAttribute(function, MaxDynamicSharedBytes, context.Limits.SharedBytesPerBlock - bytes), $"{nameof(cuFuncSetAttribute)} of {kernel}");
    }
}
