namespace VideoSim.Engine.Serialization;

/// <summary>
/// A check before each write of some work, for example that the work is still this process's. The check belongs to
/// the thread that begins it, and to threads that this one starts. <see cref="AtomicFile"/> and
/// <see cref="AtomicFolder"/> run it before they begin a result and before they place it.
/// </summary>
public static class WriteGuard
{
    private static readonly AsyncLocal<Action?> Check = new();

    /// <summary>Begins to check writes. Dispose of the result to end it.</summary>
    /// <param name="check">Throws if the work must not write any more.</param>
    public static IDisposable Begin(Action check)
    {
        var scope = new Scope(Check.Value);
        Check.Value = check;
        return scope;
    }

    /// <summary>Runs the check of this thread, if there is one. Call it before a write.</summary>
    public static void Require() => Check.Value?.Invoke();

    private sealed class Scope(Action? outer) : IDisposable
    {
        public void Dispose() => Check.Value = outer;
    }
}
