using System.Runtime.InteropServices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Records launches instead of running them, and replays them on another stream any number of times. A replay runs
/// none of the model's code. On CUDA a graph captures the replay.
/// </summary>
public sealed unsafe class PlanStream : ComputeStream
{
    private const int Alignment = 16;

    private readonly List<(Kernel Kernel, int Offset, int Bytes)> _launches = [];
    private readonly List<(int Launches, Action<ComputeStream> Call)> _calls = []; // other calls, after so many launches
    private bool _isGrouped;
    private byte* _arguments;
    private int _used, _capacity;

    /// <summary>Recorded launches.</summary>
    public int Count => _launches.Count;

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        int offset = (_used + Alignment - 1) / Alignment * Alignment;
        if (offset + bytes > _capacity)
        {
            _capacity = Math.Max(2 * _capacity, offset + bytes + 4096);
            _arguments = (byte*)NativeMemory.AlignedRealloc(_arguments, (nuint)_capacity, Alignment);
        }
        NativeMemory.Copy(args, _arguments + offset, (nuint)bytes);
        _used = offset + bytes;
        _launches.Add((kernel, offset, bytes));
    }

    internal override void BeginGroup()
    {
        _isGrouped = true;
        _calls.Add((Count, static stream => stream.BeginGroup()));
    }

    internal override void EndGroup()
    {
        if (_isGrouped)
            _calls.Add((Count, static stream => stream.EndGroup()));
        _isGrouped = false;
    }

    internal override void BeginBranch() => _calls.Add((Count, static stream => stream.BeginBranch()));

    internal override void EndBranch() => _calls.Add((Count, static stream => stream.EndBranch()));

    internal override void Join() => _calls.Add((Count, static stream => stream.Join()));

    internal override void JoinEarlier() => _calls.Add((Count, static stream => stream.JoinEarlier()));

    /// <summary>Runs everything recorded on another stream, in order.</summary>
    public void Replay(ComputeStream stream) => stream.Replay(this);

    /// <summary>An object that the replaying stream made of the plan, such as a CUDA graph.</summary>
    internal IDisposable? Prepared { get; set; }

    /// <summary>Launches everything recorded on another stream, kernel by kernel.</summary>
    internal void GiveTo(ComputeStream stream)
    {
        int next = 0;
        foreach (var (launches, call) in CollectionsMarshal.AsSpan(_calls))
        {
            Launch(stream, next, launches);
            call(stream);
            next = launches;
        }
        Launch(stream, next, Count);
    }

    private void Launch(ComputeStream stream, int begin, int end)
    {
        foreach (var (kernel, offset, bytes) in CollectionsMarshal.AsSpan(_launches)[begin..end])
            stream.Launch(kernel, _arguments + offset, bytes);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Prepared?.Dispose();
        Prepared = null;
        NativeMemory.AlignedFree(_arguments);
        _arguments = null;
        (_used, _capacity) = (0, 0);
        _launches.Clear();
        _calls.Clear();
        base.Dispose(disposing);
    }
}
