using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>
/// The stream that runs branches beside the compute stream (docs/adr/0032). Events order the two, so a capture of the
/// compute stream makes them branches of one graph.
/// </summary>
internal sealed class CudaBranch : IDisposable
{
    private readonly CudaContext _context;
    private readonly nint _compute, _stream;
    private readonly CudaEvent _begin;   // in the compute stream, where the last branch began
    private readonly CudaEvent _earlier; // in this stream, at the last join
    private bool _hasWork; // that the compute stream did not wait for
    private bool _hasEarlier;

    /// <summary>Creates the stream.</summary>
    /// <param name="context">The context.</param>
    /// <param name="compute">The driver's handle of the compute stream.</param>
    public CudaBranch(CudaContext context, nint compute)
    {
        (_context, _compute) = (context, compute);
        (_begin, _earlier) = (new CudaEvent(context), new CudaEvent(context));
        context.Check(cuStreamCreate(out _stream, NonBlocking), nameof(cuStreamCreate));
    }

    /// <summary>Whether launches belong to a branch now.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>The driver's handle of the stream.</summary>
    public nint Handle => _stream;

    /// <summary>Begins a branch after all work of both streams so far.</summary>
    public void Begin()
    {
        _context.MakeCurrent();
        _begin.Record(_compute);
        _begin.Precede(_stream);
        IsOpen = _hasWork = true;
    }

    /// <summary>Ends the branch.</summary>
    public void End() => IsOpen = false;

    /// <summary>Later work of the compute stream begins after all branches so far.</summary>
    public void Join()
    {
        if (_hasWork)
        {
            _context.MakeCurrent();
            _earlier.Record(_stream);
            _earlier.Precede(_compute);
        }
        _hasWork = _hasEarlier = false;
    }

    /// <summary>Later work of the compute stream begins after all branches before the last call of this.</summary>
    public void JoinEarlier()
    {
        if (!_hasWork)
            return;
        _context.MakeCurrent();
        if (_hasEarlier)
            _earlier.Precede(_compute);
        _earlier.Record(_stream);
        _hasEarlier = true;
    }

    /// <summary>Forgets what a replay that failed has left open.</summary>
    public void Reset() => IsOpen = _hasWork = _hasEarlier = false;

    /// <summary>Waits until all work is done.</summary>
    public void Wait() => _context.WaitForStream(_stream);

    public void Dispose() => _context.CheckRelease(() => cuStreamDestroy_v2(_stream), nameof(cuStreamDestroy_v2));
}
