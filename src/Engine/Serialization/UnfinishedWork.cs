namespace VideoSim.Engine.Serialization;

/// <summary>
/// Work that a signal must not simply cut off. Half a result is removed when the process ends. The end waits for work
/// that saves its state. All other work may end at any moment.
/// </summary>
public sealed class UnfinishedWork : IDisposable
{
    // A folder cannot be deleted if a thread adds a file to it meanwhile.
    private const int Attempts = 3;

    // A process ends once, so there is one list.
    private static readonly Lock Gate = new();
    private static readonly List<UnfinishedWork> All = [];

    private readonly Action? _remove;

    private UnfinishedWork(Action? remove)
    {
        _remove = remove;
        lock (Gate)
            All.Add(this);
    }

    /// <summary>Whether any work saves its state.</summary>
    public static bool Saves
    {
        get
        {
            lock (Gate)
                return All.Exists(static one => one._remove is null);
        }
    }

    /// <summary>Begins a result, such as a file under its temporary name. Dispose it after it has its place.</summary>
    /// <param name="remove">Removes what there is of it. Another thread may call it at any moment.</param>
    public static UnfinishedWork Result(Action remove) => new(remove);

    /// <summary>Begins work that saves its state when it is cancelled. Dispose it after that.</summary>
    public static UnfinishedWork State() => new(null);

    /// <summary>
    /// Gives a result its place. The process does not end in the middle of this. The <see cref="WriteGuard"/> may
    /// refuse it.
    /// </summary>
    public static void Place(Action place)
    {
        lock (Gate)
        {
            WriteGuard.Require();
            place();
        }
    }

    /// <summary>
    /// Removes all results that are half written, the newest first, then ends the process. Work that begins or places
    /// a result meanwhile waits for that end.
    /// </summary>
    /// <param name="end">Ends the process.</param>
    public static void RemoveAll(Action end)
    {
        lock (Gate)
        {
            for (int i = All.Count - 1; i >= 0; i--)
            {
                if (All[i]._remove is { } remove)
                    Remove(remove);
            }
            end();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (Gate)
            All.Remove(this);
    }

    private static void Remove(Action remove)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            try
            {
                remove();
                return;
            }
            catch (Exception)
            {
                // It is gone already, or the work still changes it.
            }
        }
    }
}
