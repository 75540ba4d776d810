using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// The calling thread and helper threads, which share the items of one launch, or of a group of launches that do not
/// depend on each other. A waiting thread spins for a
/// few microseconds, then yields, then sleeps: when other programs use the machine, a spinning thread would only take
/// a core away from the work.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    private const int SpinsBeforeYield = 200, YieldsBeforeSleep = 2000;

    // Each thread has a part of the items, the same in every launch, and takes shares of what is left of it. Rows that
    // a thread wrote are then still in its cache when the next kernel reads them. A thread whose part is done takes
    // shares of other parts. First shares are large: neighbouring items may use the same memory, and a counter is read
    // less often. Last shares are single items, so all threads end at about the same time.
    private const int SharesOfPart = 2;

    // Distance of the counters of two parts: two cache lines, because processors fetch them in pairs.
    private const int CounterDistance = 128 / sizeof(int);

    // Launches that can be shared at once.
    private const int MostLaunches = 4;

    private readonly Thread[] _helpers;
    private readonly object _wake = new();
    private readonly int _turnsBeforeSleep;
    private readonly int[] _next; // first item of each part of each launch that no thread has taken
    private readonly Work[] _works = new Work[MostLaunches];
    private int _count, _busy, _sleeping;
    private volatile int _generation;
    private volatile bool _stopped;
    private Exception? _failure;

    /// <summary>Starts the helpers.</summary>
    /// <param name="threads">The calling thread and its helpers.</param>
    /// <param name="turnsBeforeSleep">
    /// How often a helper checks for work before it sleeps. Tests use small numbers to reach every order of events.
    /// </param>
    public WorkerPool(int threads, int turnsBeforeSleep = SpinsBeforeYield + YieldsBeforeSleep)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        _turnsBeforeSleep = turnsBeforeSleep;
        _next = new int[(MostLaunches * threads + 1) * CounterDistance];
        _helpers = new Thread[threads - 1];
        for (int i = 0; i < _helpers.Length; i++)
        {
            int number = i + 1;
            _helpers[i] = new Thread(() => Help(number)) { IsBackground = true, Name = $"VideoSim worker {i + 1}" };
            _helpers[i].Start();
        }
    }

    public int Threads => _helpers.Length + 1;

    /// <summary>Whether <see cref="Run"/> is due before another <see cref="Add"/>.</summary>
    public bool IsFull => _count == MostLaunches;

    /// <summary>Adds a launch to the next run.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="args">Its arguments; they are read until the run ends.</param>
    /// <param name="items">Number of its items.</param>
    public void Add(Kernel kernel, void* args, int items) => _works[_count++] = new Work(kernel, (nint)args, items);

    /// <summary>
    /// Runs the added launches. It returns when no thread works on them any more, also if an item fails.
    /// </summary>
    /// <param name="shared">Whether the helpers get a part; otherwise the calling thread runs all items.</param>
    /// <exception cref="InvalidOperationException">
    /// An item failed on a helper. A failure of an item on the calling thread is thrown as it is.
    /// </exception>
    public void Run(bool shared)
    {
        try
        {
            if (shared && Threads > 1 && (_count > 1 || _count == 1 && _works[0].Items > 1))
                Share();
            else
                RunAlone();
        }
        finally
        {
            _count = 0;
        }
    }

    private void RunAlone()
    {
        foreach (ref readonly var work in _works.AsSpan(0, _count))
            work.Kernel.Invoke((void*)work.Args, 0, work.Items);
    }

    private void Share()
    {
        _failure = null;
        for (int launch = 0; launch < _count; launch++)
        {
            for (int part = 0; part < Threads; part++)
                Next(launch, part) = StartOf(launch, part);
        }
        _busy = _helpers.Length;
        Publish();
        try
        {
            WorkAs(number: 0);
        }
        finally
        {
            AwaitHelpers(); // they use the arguments and the counters
        }
        if (_failure is { } failure)
            throw new InvalidOperationException($"{string.Join(" or ", _works.Take(_count).Select(static work => work.Kernel))} failed on a worker thread", failure);
    }

    public void Dispose()
    {
        _stopped = true;
        Publish();
        foreach (var helper in _helpers)
            helper.Join();
    }

    // Begins a generation and wakes every sleeping helper. A semaphore with one permit for each helper would not work:
    // a helper that is done early and sleeps again could take the permit of one that is not awake yet.
    private void Publish()
    {
        _generation++;
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _sleeping) == 0)
            return;
        lock (_wake)
            Monitor.PulseAll(_wake);
    }

    private void AwaitHelpers()
    {
        for (int turn = 0; Volatile.Read(ref _busy) != 0; turn++)
        {
            ObjectDisposedException.ThrowIf(_stopped, this); // no helper is left to wait for
            Pause(turn);
        }
    }

    private static void Pause(int turn)
    {
        if (turn < SpinsBeforeYield)
            Thread.SpinWait(8);
        else
            Thread.Yield();
    }

    private int StartOf(int launch, int part) => (int)((long)_works[launch].Items * part / Threads);

    private ref int Next(int launch, int part) => ref _next[(launch * Threads + part + 1) * CounterDistance];

    private void WorkAs(int number)
    {
        for (int i = 0; i < Threads; i++)
        {
            for (int launch = 0; launch < _count; launch++)
                WorkOn(launch, (number + i) % Threads);
        }
    }

    private void WorkOn(int launch, int part)
    {
        ref readonly var work = ref _works[launch];
        ref int next = ref Next(launch, part);
        int end = StartOf(launch, part + 1);
        while (true)
        {
            int from = Volatile.Read(ref next), left = end - from;
            if (left <= 0)
                return;
            int share = (left - 1) / SharesOfPart + 1;
            if (Interlocked.CompareExchange(ref next, from + share, from) == from)
                work.Kernel.Invoke((void*)work.Args, from, from + share);
        }
    }

    private void Help(int number)
    {
        int seen = 0;
        while (true)
        {
            for (int turn = 0; _generation == seen; turn++)
            {
                if (turn < _turnsBeforeSleep)
                {
                    Pause(turn);
                    continue;
                }
                Interlocked.Increment(ref _sleeping);
                lock (_wake)
                {
                    // A job that was published meanwhile has woken this helper, or is found here.
                    while (_generation == seen)
                        Monitor.Wait(_wake);
                }
                Interlocked.Decrement(ref _sleeping);
            }
            seen = _generation;
            if (_stopped)
                return;
            try
            {
                WorkAs(number);
            }
            catch (Exception e)
            {
                _failure = e;
            }
            Interlocked.Decrement(ref _busy);
        }
    }

    private readonly record struct Work(Kernel Kernel, nint Args, int Items);
}
