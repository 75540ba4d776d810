using System.Runtime.ExceptionServices;

namespace VideoSim.Models.Submissions;

/// <summary>
/// Work on the pieces of a stream by several threads. Pieces are taken in order and given on in order, by one thread
/// at a time. Between the two, all threads work at once. The result does not depend on the number of threads.
/// </summary>
/// <typeparam name="TPiece">Buffers of a thread. It uses them for one piece after the other.</typeparam>
/// <param name="take">Fills the buffers with the next piece; false after the last one.</param>
/// <param name="work">Works on the buffers alone.</param>
/// <param name="give">Passes on the result.</param>
internal sealed class OrderedWork<TPiece>(Func<TPiece, bool> take, Action<TPiece> work, Action<TPiece> give)
{
    private readonly object _gate = new();
    private long _taken;
    private long _given;
    private bool _ended;
    private ExceptionDispatchInfo? _failure;

    /// <summary>
    /// Works on all pieces. The first failure, in the order of the pieces, stops all threads and is thrown.
    /// </summary>
    /// <param name="threads">Number of threads, with the caller's.</param>
    /// <param name="create">Creates the buffers of a thread.</param>
    public void Run(int threads, Func<TPiece> create)
    {
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, _ => WorkOn(create()));
        _failure?.Throw();
    }

    // A thread gives its piece and takes the next one in one turn. So it works while another thread gives.
    private void WorkOn(TPiece piece)
    {
        (long Number, ExceptionDispatchInfo? Failure)? current = null;
        do
        {
            lock (_gate)
            {
                if (current is { } done)
                    Give(piece, done.Number, done.Failure);
                current = Take(piece);
            }
            if (current is { Failure: null } taken)
                current = (taken.Number, Caught(() => work(piece)));
        }
        while (current is not null);
    }

    // A failure to take a piece counts only when all pieces before it are given.
    private (long Number, ExceptionDispatchInfo? Failure)? Take(TPiece piece)
    {
        if (_ended)
            return null;
        bool found = false;
        var failure = Caught(() => found = take(piece));
        _ended = !found;
        return found || failure is not null ? (_taken++, failure) : null;
    }

    private void Give(TPiece piece, long number, ExceptionDispatchInfo? failure)
    {
        while (_given < number && _failure is null)
            Monitor.Wait(_gate);
        _failure ??= failure ?? Caught(() => give(piece));
        _ended |= _failure is not null;
        _given++;
        Monitor.PulseAll(_gate);
    }

    private static ExceptionDispatchInfo? Caught(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (Exception failure)
        {
            return ExceptionDispatchInfo.Capture(failure);
        }
    }
}
