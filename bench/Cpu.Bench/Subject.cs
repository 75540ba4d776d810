namespace VideoSim.Cpu.Bench;

/// <summary>What a rate counts.</summary>
public enum Unit
{
    /// <summary>Nothing: only the time is shown.</summary>
    None,

    /// <summary>Floating-point operations, in GFLOP/s.</summary>
    Flops,

    /// <summary>Bytes that are read and written by design, in GB/s.</summary>
    MovedBytes,

    /// <summary>Videos or titles, in thousands a second.</summary>
    Items,
}

/// <summary>The measured rate that limits a subject.</summary>
public enum Ceiling
{
    /// <summary>None is measured.</summary>
    None,

    /// <summary>Multiply-adds on the widest vectors.</summary>
    MultiplyAdds,

    /// <summary>An update in place of a block that fits in the caches.</summary>
    Caches,

    /// <summary>An update in place of a block far larger than the caches.</summary>
    Memory,
}

/// <summary>A subject of measurement. Only <see cref="Run"/> is timed.</summary>
/// <param name="name">Its name in results and filters.</param>
/// <param name="unit">What its rate counts.</param>
/// <param name="ceiling">The rate that its own is compared with.</param>
public abstract class Subject(string name, Unit unit, Ceiling ceiling)
{
    private readonly Stack<IDisposable> _owned = [];
    private Action _run = static () => { };

    /// <summary>What its rate counts.</summary>
    public Unit Unit => unit;

    /// <summary>The rate that its own is compared with.</summary>
    public Ceiling Ceiling => ceiling;

    /// <summary>FLOPs, bytes or items of one run. Known when the subject is prepared.</summary>
    public double Amount { get; protected set; }

    /// <summary>Takes memory and fills it.</summary>
    /// <param name="threads">Threads that share the work.</param>
    public void Prepare(int threads) => _run = Open(threads);

    /// <summary>Runs once.</summary>
    public void Run() => _run();

    /// <summary>Frees what <see cref="Prepare"/> took.</summary>
    public void Release()
    {
        while (_owned.TryPop(out var last))
            last.Dispose();
    }

    /// <summary>Takes memory, sets <see cref="Amount"/> and returns one run.</summary>
    /// <param name="threads">Threads that share the work.</param>
    protected abstract Action Open(int threads);

    /// <summary><see cref="Release"/> disposes of it, last first.</summary>
    protected T Own<T>(T resource) where T : IDisposable
    {
        _owned.Push(resource);
        return resource;
    }

    /// <inheritdoc/>
    public override string ToString() => name;
}
