using VideoSim.Engine.Compilation;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Runs the kernels' CUDA sources on a GPU, one after the other, but branches beside them; a launch returns before it
/// is done.
/// </summary>
public sealed unsafe class CudaStream : ComputeStream
{
    /// <summary>
    /// Environment variable of CUDA. If it is 1, every launch waits for its kernel, so the error of a fault names the
    /// right kernel.
    /// </summary>
    internal const string LaunchBlockingVariable = "CUDA_LAUNCH_BLOCKING";

    private readonly CudaContext _context;
    private readonly CudaModules _modules;
    private readonly VariantTable.Rules _variants;
    private readonly CudaProducts _products;
    private readonly nint _stream;
    private readonly CudaBranch _branch;
    private readonly bool _isBlocking = Environment.GetEnvironmentVariable(LaunchBlockingVariable) == "1";

    private bool _isInOrder;

    internal CudaStream(CudaContext context, CudaModules modules, VariantTable.Rules variants, TuningTable? tuning)
    {
        (_context, _modules, _variants, _products) = (context, modules, variants, new CudaProducts(context, tuning));
        context.MakeCurrent();
        context.Check(cuStreamCreate(out _stream, NonBlocking), nameof(cuStreamCreate));
        _branch = new CudaBranch(context, _stream);
    }

    // Where launches go now.
    private nint Current => _branch.IsOpen ? _branch.Handle : _stream;

    /// <summary>Its matrix products.</summary>
    internal CudaProducts Products => _products;

    /// <summary>The driver's handle.</summary>
    internal nint Handle => _stream;

    /// <inheritdoc/>
    /// <exception cref="DataException">
    /// A library that computes the kernel was not found, or the kernel runs only on the CPU.
    /// </exception>
    public override void Launch(Kernel kernel, void* args, int bytes) => Launch(kernel, args, bytes, _modules, chosen: null);

    /// <summary>The same with other modules, and with a variant in place of the one of the table.</summary>
    internal void Launch(Kernel kernel, void* args, int bytes, CudaModules modules, Variant? chosen)
    {
        if (kernel.Items(args) == 0)
            return;
        _context.MakeCurrent();
        if (kernel.Library is null)
            LaunchFunction(kernel, args, bytes, modules, chosen ?? _variants.Find(kernel, args));
        else
            LaunchProduct((Kernel<MatMulArgs>)kernel, (MatMulArgs*)args);
        if (_isBlocking)
            Synchronize();
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        _context.MakeCurrent();
        _context.WaitForStream(_stream);
        _branch.Wait(); // only a step that failed has work there that the stream did not wait for
    }

    /// <inheritdoc/>
    public override bool HasBranches => !_isInOrder;

    internal override void BeginBranch()
    {
        if (!_isInOrder)
            _branch.Begin();
    }

    internal override void EndBranch() => _branch.End();

    internal override void Join() => _branch.Join();

    internal override void JoinEarlier() => _branch.JoinEarlier();

    /// <inheritdoc/>
    public override void Drain()
    {
        if (!_context.HasFailed && !_context.IsDisposed)
            Synchronize();
    }

    /// <summary>
    /// The first replay launches kernel by kernel. Later replays launch the plan as one graph, unless every launch
    /// waits.
    /// </summary>
    internal override void Replay(PlanStream plan)
    {
        if (plan.Count == 0)
            return;
        _branch.Reset();
        if (_isBlocking)
        {
            plan.GiveTo(this);
            return;
        }
        _context.MakeCurrent();
        if (plan.Prepared is not CudaGraph graph || !graph.IsOf(_stream))
        {
            plan.Prepared?.Dispose();
            plan.Prepared = new CudaGraph(_context, _stream);
            plan.GiveTo(this);
            return;
        }
        if (graph.Launches != plan.Count)
            graph.Capture(plan, this);
        _context.Last.NoteGraph(graph.Launches);
        graph.Launch();
    }

    /// <summary>See <see cref="CudaDevice.RunInOrder"/>.</summary>
    internal void RunInOrder() => _isInOrder = true;

    internal void Fill(nint address, byte value, long bytes) =>
        Check(cuMemsetD8Async(address, value, (nuint)bytes, _stream), nameof(cuMemsetD8Async));

    internal void Copy(nint source, nint destination, long bytes) =>
        Check(cuMemcpyDtoDAsync_v2(destination, source, (nuint)bytes, _stream), nameof(cuMemcpyDtoDAsync_v2));

    /// <summary>Records an event after all work so far.</summary>
    internal void Record(CudaEvent moment)
    {
        _context.MakeCurrent();
        moment.Record(_stream);
    }

    /// <summary>Later work begins after an event, which may be of another stream.</summary>
    internal void WaitFor(CudaEvent moment) => moment.Precede(_stream);

    /// <summary>
    /// Begins a copy. Do not change the source before the stream has reached the copy, whatever kind of memory it is.
    /// </summary>
    internal void BeginUpload(nint source, long bytes, nint destination) =>
        Check(cuMemcpyHtoDAsync_v2(destination, (void*)source, (nuint)bytes, _stream), nameof(cuMemcpyHtoDAsync_v2));

    internal void Download(nint source, Span<byte> destination)
    {
        fixed (byte* pointer = destination)
        {
            _context.WaitForStream(_stream); // a copy to pageable memory may wait inside the driver, without a limit
            Check(cuMemcpyDtoHAsync_v2(pointer, source, (nuint)destination.Length, _stream), nameof(cuMemcpyDtoHAsync_v2));
            _context.WaitForStream(_stream);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_context.IsStuck)
            _products.Dispose();
        _branch.Dispose();
        _context.CheckRelease(() => cuStreamDestroy_v2(_stream), nameof(cuStreamDestroy_v2));
        base.Dispose(disposing);
    }

    private void LaunchFunction(Kernel kernel, void* args, int bytes, CudaModules modules, Variant variant)
    {
        nint function = modules.FunctionOf(kernel, variant);
        var shape = kernel.Shape(args, _context.Limits, variant);
        _context.Last.Note(kernel, shape, args, bytes);
        Check(cuLaunchKernel(function, (uint)shape.GridX, (uint)shape.GridY, (uint)shape.GridZ, (uint)shape.BlockX, 1, 1,
            (uint)shape.SharedBytes, Current, &args, extra: null), nameof(cuLaunchKernel)); // one parameter: args
    }

    private void LaunchProduct(Kernel<MatMulArgs> kernel, MatMulArgs* args)
    {
        _context.Last.Note(kernel, shape: null, args, sizeof(MatMulArgs));
        _products.Run(*args, this, Current, _branch.IsOpen);
    }

    private void Check(int code, string call) => _context.Check(code, call);
}
