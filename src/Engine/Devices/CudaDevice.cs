using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>An NVIDIA GPU, through the driver API.</summary>
public sealed unsafe class CudaDevice : Device
{
    private const int MostLoading = 4, CoresOfLoading = 4; // a quarter of the cores: other runs may use the machine

    private readonly CudaContext _context;
    private readonly CudaModules _modules;
    private readonly CudaStream _stream;
    private readonly VariantTable _variants;
    private readonly CudaUploads _uploads;
    private readonly List<IDisposable> _others = []; // modules of other builds
    private bool _disposed;

    private CudaDevice(CudaContext context, CudaModules modules, CudaStream stream, CudaUploads uploads, VariantTable variants, TuningTable? tuning) : base(stream) =>
        (_context, _modules, _stream, _uploads, _variants, Tuning) = (context, modules, stream, uploads, variants, tuning);

    /// <inheritdoc/>
    public override string Name => _context.Name;

    /// <inheritdoc/>
    public override string Libraries => $"cuBLASLt {CublasLt.Version}{(NativeLibraries.Nvrtc.Path is null ? "" : $", NVRTC {Nvrtc.Version}")}{(_variants.IsEmpty ? "" : $", variants {_variants.Hash}")}{(Tuning is null ? "" : $", tuning {Tuning.Sha256[..8]}")}";

    /// <inheritdoc/>
    public override TuningTable? Tuning { get; }

    /// <summary>Version of the library that computes matrix products.</summary>
    public static Version ProductsVersion => CublasLt.Version;

    /// <summary>Bytes of its L2 cache, and its nominal clocks in MHz; null if the driver does not have them.</summary>
    public (int? L2Bytes, int? Megahertz, int? MemoryMegahertz) Properties =>
        (_context.Find(DeviceAttribute.L2Bytes), _context.Find(DeviceAttribute.ClockKilohertz) / 1000, _context.Find(DeviceAttribute.MemoryClockKilohertz) / 1000);

    /// <summary>A quarter of the host's cores, at least 1 and at most 4.</summary>
    public override int LoadingThreads => Math.Clamp(Environment.ProcessorCount / CoresOfLoading, 1, MostLoading);

    /// <summary>
    /// Whether its work did not end in time and may never end. Stays set after the device is disposed of.
    /// </summary>
    public bool IsStuck => _context.IsStuck;

    /// <summary>Ten times its major version plus its minor one, such as 90.</summary>
    public int ComputeCapability => _context.ComputeCapability;

    /// <summary>Source of its compiled kernels.</summary>
    public IKernelImages Images => _modules.Images;

    /// <summary>The context of the device's work.</summary>
    internal CudaContext Context => _context;

    /// <summary>Opens a GPU.</summary>
    /// <param name="ordinal">Number of the GPU.</param>
    /// <param name="images">Compiled kernels.</param>
    /// <param name="kernels">All kernels that will be launched. Those of one source are compiled together.</param>
    /// <param name="variants">Chooses values of macros by the shape of a launch; null for the defaults.</param>
    /// <param name="tuning">Chooses algorithms of matrix products; null for the first that cuBLASLt offers.</param>
    /// <exception cref="DataException">
    /// The driver was not found, or the tuning is for another GPU or another version of cuBLASLt.
    /// </exception>
    /// <exception cref="CudaException">There is no such GPU, or it cannot be opened.</exception>
    public static CudaDevice Open(int ordinal, IKernelImages images, IEnumerable<Kernel> kernels, VariantTable? variants = null, TuningTable? tuning = null)
    {
        var context = new CudaContext(ordinal);
        CudaStream? stream = null;
        try
        {
            string model = DeviceNames.WithoutNumber(context.Name);
            tuning?.RequireFor(model, CublasLt.Version);
            var modules = new CudaModules(context, images, kernels);
            var table = variants ?? VariantTable.Empty;
            stream = new CudaStream(context, modules, table.For(model, context.ComputeCapability), tuning);
            return new CudaDevice(context, modules, stream, new CudaUploads(context, stream), table, tuning);
        }
        catch
        {
            context.FreeObjects();
            stream?.Dispose();
            context.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A stream that launches another build of the kernels, in the order of <see cref="Device.Stream"/>. The table of
    /// variants does not count for it.
    /// </summary>
    /// <param name="images">Compiled kernels.</param>
    /// <param name="kernels">All kernels that will be launched.</param>
    /// <param name="variant">Values of macros.</param>
    /// <param name="set">Name of the set of sources, see <see cref="KernelUnit.With"/>.</param>
    public VariantStream StreamOf(IKernelImages images, IEnumerable<Kernel> kernels, Variant variant, string set = "")
    {
        var modules = new CudaModules(_context, images, kernels, set);
        _others.Add(modules);
        return new VariantStream(_stream, modules, variant);
    }

    /// <inheritdoc/>
    public override nint Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        _context.MakeCurrent();
        long size = Math.Max(bytes, Device.Alignment);
        nint address = _context.Allocate(size);
        _stream.Fill(address, 0xff, size); // NaN in fp32: an unwritten value becomes visible in the results
        _uploads.FollowCompute();
        return address;
    }

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        if (_context.IsDisposed) // the driver frees it with the context
            return;
        _context.MakeCurrent();
        _context.Free(address);
    }

    /// <inheritdoc/>
    public override void Upload(ReadOnlySpan<byte> source, nint destination)
    {
        _context.MakeCurrent();
        _stream.Synchronize(); // a copy from pageable memory may wait inside the driver, without a limit
        fixed (byte* pointer = source)
            _stream.BeginUpload((nint)pointer, source.Length, destination);
        _stream.Synchronize(); // the driver may read the source until then
    }

    /// <inheritdoc/>
    public override void BeginUpload(nint source, long bytes, nint destination)
    {
        _context.MakeCurrent();
        _uploads.Begin(source, bytes, destination);
    }

    /// <inheritdoc/>
    public override bool StagesUploads => true;

    /// <summary>
    /// Lets steps that are built from now on run branches in order, to measure what they gain. The bits stay the same.
    /// </summary>
    public void RunInOrder() => _stream.RunInOrder();

    /// <inheritdoc/>
    public override void BeginUpload(nint source, long bytes, nint staging, nint destination)
    {
        _context.MakeCurrent();
        _uploads.Begin(source, bytes, staging, destination);
    }

    /// <inheritdoc/>
    public override void WaitForUploads()
    {
        _context.MakeCurrent();
        _uploads.Wait();
    }

    /// <inheritdoc/>
    public override Device OpenHost() => new CudaHost(_context, _stream);

    /// <inheritdoc/>
    public override void Clear(nint address, long bytes)
    {
        _context.MakeCurrent();
        _stream.Fill(address, 0, bytes);
    }

    /// <inheritdoc/>
    public override void Download(nint source, Span<byte> destination)
    {
        _context.MakeCurrent();
        _stream.Download(source, destination);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_disposed)
            return;
        _disposed = true;
        _context.MakeCurrent();
        try
        {
            _context.FreeObjects(); // they belong to the streams, which are freed next
            _uploads.Dispose();
            base.Dispose(disposing);
            _modules.Dispose();
            foreach (var other in _others)
                other.Dispose();
        }
        finally
        {
            _context.Dispose();
        }
    }
}
