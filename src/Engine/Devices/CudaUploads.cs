using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Copies from host memory to a GPU. A staged copy goes through a second block of device memory: a stream of its own
/// copies to that block while the compute stream works. Then the compute stream copies from the block to the
/// destination, whose address stays the same (docs/adr/0031).
/// </summary>
internal sealed unsafe class CudaUploads : IDisposable
{
    private readonly CudaContext _context;
    private readonly CudaStream _compute;
    private readonly nint _stream;
    private readonly CudaEvent _uploaded; // in the compute stream, after the last copy that was not staged
    private readonly CudaEvent _staged;   // in the copy stream, after the last copy to a staging block
    private readonly CudaEvent _free;     // in the compute stream, when all staging blocks may be overwritten

    public CudaUploads(CudaContext context, CudaStream compute)
    {
        (_context, _compute) = (context, compute);
        (_uploaded, _staged, _free) = (new CudaEvent(context), new CudaEvent(context), new CudaEvent(context));
        context.Check(cuStreamCreate(out _stream, NonBlocking), nameof(cuStreamCreate));
    }

    /// <summary>Begins a copy in the order of the compute stream.</summary>
    public void Begin(nint source, long bytes, nint destination)
    {
        _compute.BeginUpload(source, bytes, destination);
        _compute.Record(_uploaded);
    }

    /// <summary>
    /// Begins a copy through a staging block. The compute stream waits for each, so what waits for the compute stream
    /// waits for the copy stream, too.
    /// </summary>
    public void Begin(nint source, long bytes, nint staging, nint destination)
    {
        _free.Precede(_stream);
        _context.Check(cuMemcpyHtoDAsync_v2(staging, (void*)source, (nuint)bytes, _stream), nameof(cuMemcpyHtoDAsync_v2));
        _staged.Record(_stream);
        _compute.WaitFor(_staged);
        _compute.Copy(staging, destination, bytes);
        _compute.Record(_free);
    }

    /// <summary>Waits until the copies that were begun have read their sources.</summary>
    public void Wait()
    {
        _uploaded.Wait();
        _staged.Wait();
    }

    /// <summary>
    /// Lets the next staged copy begin after the work that the compute stream has now, which may be the fill of a new
    /// staging block.
    /// </summary>
    public void FollowCompute() => _compute.Record(_free);

    public void Dispose() => _context.CheckRelease(() => cuStreamDestroy_v2(_stream), nameof(cuStreamDestroy_v2));
}
