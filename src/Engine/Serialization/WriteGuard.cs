namespace VideoSim.Engine.Serialization;

/// <summary>
/// A check before each write of some work, for example that the work is still this process's. The check belongs to
/// the thread that begins it, and to threads that this one starts. <see cref="AtomicFile"/> and
/// <see cref="AtomicFolder"/> run it before they begin a result and before they place it.
/// </summary>
public static class WriteGuard
{
    private static readonly AsyncLocal<Action?> Check = new();

    /// <summary>
    /// Begins to check writes, after the checks that have begun before. Dispose of the result to end it.
    /// </summary>
    /// <param name="check">Throws if the work must not write any more.</param>
    public static IDisposable Begin(Action check)
    {
        Check.Value += check;
        return new Scope(check);
    }

    /// <summary>Runs the check of this thread, if there is one. Call it before a write.</summary>
    public static void Require() => Check.Value?.Invoke();

    // Scopes need not end in the order in which they began.
    private sealed class Scope(Action check) : IDisposable
    {
        public void Dispose() => Check.Value -= check;
    }
}
