using VideoSim.Engine.Compilation;
using VideoSim.Kernels.Contract;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Compiled kernels in a context. A unit is compiled and loaded when the first of its kernels is launched.
/// </summary>
/// <param name="context">The context.</param>
/// <param name="images">Source of the compiled units.</param>
/// <param name="kernels">All kernels that will be launched.</param>
/// <param name="set">See <see cref="KernelUnit.With"/>.</param>
internal sealed unsafe class CudaModules(CudaContext context, IKernelImages images, IEnumerable<Kernel> kernels, string set = "") : IDisposable
{
    private readonly IReadOnlyList<KernelUnit> _units = KernelUnit.Group(kernels);
    private readonly string _architecture = images.ArchitectureFor(context.ComputeCapability);
    private readonly Dictionary<(Kernel, Variant), nint> _functions = [];
    private readonly List<nint> _modules = [];

    /// <summary>Source of the compiled units.</summary>
    public IKernelImages Images => images;

    /// <summary>The name of a kernel in its compiled unit.</summary>
    public string SymbolOf(Kernel kernel, Variant variant) => UnitOf(kernel, variant).SymbolOf(kernel);

    /// <summary>The function of a kernel.</summary>
    /// <exception cref="DataException">The kernel has no CUDA source.</exception>
    public nint FunctionOf(Kernel kernel, Variant variant)
    {
        if (!_functions.TryGetValue((kernel, variant), out nint function))
        {
            Load(kernel, variant);
            function = _functions[(kernel, variant)];
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

    private KernelUnit UnitOf(Kernel kernel, Variant variant) => kernel.Source is null ? throw new DataException($"{kernel} has no CUDA source: it runs on the CPU only")
        : (_units.FirstOrDefault(unit => unit.Kernels.Contains(kernel)) ?? throw new InvalidOperationException($"{context.Name} was opened without {kernel}")).With(variant, set);

    private void Load(Kernel kernel, Variant variant)
    {
        var unit = UnitOf(kernel, variant);
        byte[] code = images.Compile(unit, _architecture).Code;
        nint module;
        fixed (byte* pointer = code)
            context.Check(cuModuleLoadData(out module, pointer), $"{nameof(cuModuleLoadData)} of {unit.Name}");
        _modules.Add(module);
        foreach (var entry in unit.Kernels)
        {
            context.Check(cuModuleGetFunction(out nint function, module, unit.SymbolOf(entry)), $"{nameof(cuModuleGetFunction)} of {unit.SymbolOf(entry)}");
            AllowSharedMemory(function, entry);
            _functions.Add((entry, variant), function);
        }
    }

    // Without this a block may use 48 KiB, static and dynamic shared memory together.
    private void AllowSharedMemory(nint function, Kernel kernel)
    {
        context.Check(cuFuncGetAttribute(out int bytes, StaticSharedBytes, function), $"{nameof(cuFuncGetAttribute)} of {kernel}");
        context.Check(cuFuncSetAttribute(function, MaxDynamicSharedBytes, context.Limits.SharedBytesPerBlock - bytes), $"{nameof(cuFuncSetAttribute)} of {kernel}");
    }
}
