using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// The calling thread and some helpers that share the items of one launch at a time. Waiting threads spin for a few
/// microseconds, then yield, then sleep: next to a busy neighbour a spinning thread would only take away the core that
/// the work needs.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    private const int SpinsBeforeYield = 200, YieldsBeforeSleep = 2000;
    private const int ChunksPerThread = 4; // evens out items of unequal cost without much contention on the counter

    private readonly Thread[] _helpers;
    private readonly SemaphoreSlim _wake = new(0);
    private Kernel? _kernel;
    private void* _args;
    private int _items, _chunk, _next, _busy, _sleeping;
    private volatile int _generation;
    private volatile bool _stopped;
    private Exception? _failure;

    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        _helpers = new Thread[threads - 1];
        for (int i = 0; i < _helpers.Length; i++)
        {
            _helpers[i] = new Thread(Help) { IsBackground = true, Name = $"VideoSim worker {i + 1}" };
            _helpers[i].Start();
        }
    }

    public int Threads => _helpers.Length + 1;

    /// <summary>Runs all items of a launch; returns when the last is done.</summary>
    public void Run(Kernel kernel, void* args, int items)
    {
        (_kernel, _items) = (kernel, items);
        _args = args;
        _chunk = Math.Max(1, items / (Threads * ChunksPerThread));
        _next = 0;
        _busy = _helpers.Length;
        _generation++; // publishes the job
        Interlocked.MemoryBarrier();
        int sleeping = Volatile.Read(ref _sleeping);
        if (sleeping > 0)
            _wake.Release(sleeping);
        Work();
        for (int turn = 0; Volatile.Read(ref _busy) != 0; turn++)
            Pause(turn);
        if (_failure is { } failure)
        {
            _failure = null;
            throw new InvalidOperationException($"{kernel} failed on a worker thread", failure);
        }
    }

    public void Dispose()
    {
        _stopped = true;
        _generation++;
        _wake.Release(Math.Max(1, _helpers.Length));
        foreach (var helper in _helpers)
            helper.Join();
        _wake.Dispose();
    }

    private static void Pause(int turn)
    {
        if (turn < SpinsBeforeYield)
            Thread.SpinWait(8);
        else
            Thread.Yield();
    }

    private void Work()
    {
        while (true)
        {
            int from = Interlocked.Add(ref _next, _chunk) - _chunk;
            if (from >= _items || from < 0)
                return;
            _kernel!.Invoke(_args, from, Math.Min(_items, from + _chunk));
        }
    }

    private void Help()
    {
        int seen = 0;
        while (true)
        {
            for (int turn = 0; _generation == seen; turn++)
            {
                if (turn < SpinsBeforeYield + YieldsBeforeSleep)
                {
                    Pause(turn);
                    continue;
                }
                Interlocked.Increment(ref _sleeping);
                if (_generation == seen) // a job published in between has seen this sleeper or is seen here
                    _wake.Wait();
                Interlocked.Decrement(ref _sleeping);
            }
            seen = _generation;
            if (_stopped)
                return;
            try
            {
                Work();
            }
            catch (Exception e)
            {
                _failure = e;
            }
            Interlocked.Decrement(ref _busy);
        }
    }
}
