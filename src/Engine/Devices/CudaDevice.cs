using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>An NVIDIA GPU, through the driver API.</summary>
public sealed unsafe class CudaDevice : Device
{
    private readonly CudaContext _context;
    private readonly CudaModules _modules;
    private readonly CudaStream _stream;
    private CudaEvent? _uploaded; // after the last upload that was begun
    private bool _disposed;

    private CudaDevice(CudaContext context, CudaModules modules, CudaStream stream) : base(stream) =>
        (_context, _modules, _stream) = (context, modules, stream);

    /// <inheritdoc/>
    public override string Name => _context.Name;

    /// <summary>Bytes of its second-level cache, and the clocks it is made for in MHz; null where the driver does not say.</summary>
    public (int? L2Bytes, int? Megahertz, int? MemoryMegahertz) Properties =>
        (_context.Find(DeviceAttribute.L2Bytes), _context.Find(DeviceAttribute.ClockKilohertz) / 1000, _context.Find(DeviceAttribute.MemoryClockKilohertz) / 1000);

    /// <summary>Its work did not end in time and may never end; also after the device was disposed of.</summary>
    public bool IsStuck => _context.IsStuck;

    /// <summary>Where its kernels come from.</summary>
    public IKernelImages Images => _modules.Images;

    /// <summary>Where the device's work happens.</summary>
    internal CudaContext Context => _context;

    /// <summary>Opens a GPU.</summary>
    /// <param name="ordinal">Which one.</param>
    /// <param name="images">Compiled kernels.</param>
    /// <param name="kernels">Every kernel that will be launched: those of one source are compiled together.</param>
    /// <exception cref="DataException">There is no driver.</exception>
    /// <exception cref="CudaException">There is no such GPU, or it refuses.</exception>
    public static CudaDevice Open(int ordinal, IKernelImages images, IEnumerable<Kernel> kernels)
    {
        var context = new CudaContext(ordinal);
        try
        {
            var modules = new CudaModules(context, images, kernels);
            return new CudaDevice(context, modules, new CudaStream(context, modules));
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override nint Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        _context.MakeCurrent();
        long size = Math.Max(bytes, Device.Alignment);
        nint address = _context.Allocate(size);
        _stream.Fill(address, 0xff, size); // NaN in fp32: a value that nobody wrote shows up in the results
        return address;
    }

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        _context.MakeCurrent();
        _context.Free(address);
    }

    /// <inheritdoc/>
    public override void Upload(ReadOnlySpan<byte> source, nint destination)
    {
        _context.MakeCurrent();
        _stream.Synchronize(); // a copy from pageable memory may wait by itself, without a limit
        fixed (byte* pointer = source)
            _stream.BeginUpload((nint)pointer, source.Length, destination);
        _stream.Synchronize(); // the driver may read the source until then
    }

    /// <inheritdoc/>
    public override void BeginUpload(nint source, long bytes, nint destination)
    {
        _context.MakeCurrent();
        _stream.BeginUpload(source, bytes, destination);
        _stream.Record(_uploaded ??= new CudaEvent(_context));
    }

    /// <inheritdoc/>
    public override void WaitForUploads()
    {
        _context.MakeCurrent();
        _uploaded?.Wait();
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
            _context.FreeObjects(); // before the stream that they belong to
            base.Dispose(disposing);
            _modules.Dispose();
        }
        finally
        {
            _context.Dispose();
        }
    }
}
