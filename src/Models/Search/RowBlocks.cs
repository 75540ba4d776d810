using VideoSim.Engine;

namespace VideoSim.Models.Search;

/// <summary>Work on blocks of rows, shared among threads.</summary>
internal static class RowBlocks
{
    /// <summary>Rows of a block: 256 rows of 256 values take half a megabyte and stay in a core's cache.</summary>
    public const int Rows = 256;

    /// <summary>Runs the work on every block of some rows.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="threads">Number of threads.</param>
    /// <param name="begin">Makes what a thread works with.</param>
    /// <param name="work">Receives the number of a block, and what the thread works with.</param>
    /// <param name="end">Receives what a thread has worked with, one after the other.</param>
    /// <param name="cancellation">Stops before the next block.</param>
    /// <exception cref="DataException">A row cannot be read.</exception>
    public static void Run<T>(int rows, int threads, Func<T> begin, Action<int, T> work, Action<T> end, CancellationToken cancellation) =>
        Each((rows + Rows - 1) / Rows, threads, begin, work, end, cancellation);

    /// <summary>Runs the work on each of some numbers from 0, as <see cref="Run"/> does on blocks.</summary>
    public static void Each<T>(int count, int threads, Func<T> begin, Action<int, T> work, Action<T> end, CancellationToken cancellation)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        var turn = new Lock();
        try
        {
            Parallel.For(0, count, options, begin, (number, _, own) =>
            {
                work(number, own);
                return own;
            },
            own =>
            {
                lock (turn)
                    end(own);
            });
        }
        catch (AggregateException failures) when (failures.InnerExceptions.OfType<DataException>().FirstOrDefault() is { } failure)
        {
            throw new DataException(failure.Message, failure);
        }
    }
}
