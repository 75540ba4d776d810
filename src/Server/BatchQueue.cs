using System.Collections.Concurrent;

namespace VideoSim.Server;

/// <summary>
/// Requests that wait for one thread. It takes all that wait, up to a limit, and answers them together. So under load
/// the fixed costs of the work are shared, and a single request does not wait for others.
/// </summary>
/// <param name="most">The most requests that are answered together.</param>
public sealed class BatchQueue<TRequest, TAnswer>(int most) : IDisposable
{
    private readonly BlockingCollection<Waiting> _requests = [];

    private sealed record Waiting(TRequest Request, TaskCompletionSource<TAnswer> Answer, CancellationToken Aborted);

    /// <summary>Adds a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="aborted">Cancelled if nobody waits for the answer any more.</param>
    /// <returns>The answer.</returns>
    public Task<TAnswer> Ask(TRequest request, CancellationToken aborted)
    {
        // The thread of the work must not run what waits for the answer.
        var answer = new TaskCompletionSource<TAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        _requests.Add(new Waiting(request, answer, aborted), CancellationToken.None);
        return answer.Task;
    }

    /// <summary>Ends <see cref="Answer"/> after the requests that are there. No others may follow.</summary>
    public void Complete() => _requests.CompleteAdding();

    /// <summary>Answers requests on this thread until <see cref="Complete"/>.</summary>
    /// <param name="work">
    /// Answers some requests, in their order. Its failure is the answer to each of them.
    /// </param>
    public void Answer(Func<IReadOnlyList<TRequest>, IReadOnlyList<TAnswer>> work)
    {
        var batch = new List<Waiting>();
        foreach (var first in _requests.GetConsumingEnumerable())
        {
            batch.Add(first);
            while (batch.Count < most && _requests.TryTake(out var next))
                batch.Add(next);
            batch.RemoveAll(static one => one.Aborted.IsCancellationRequested && one.Answer.TrySetCanceled(one.Aborted));
            if (batch.Count > 0)
                AnswerBatch(batch, work);
            batch.Clear();
        }
    }

    private static void AnswerBatch(List<Waiting> batch, Func<IReadOnlyList<TRequest>, IReadOnlyList<TAnswer>> work)
    {
        try
        {
            var answers = work([.. batch.Select(static one => one.Request)]);
            for (int i = 0; i < batch.Count; i++)
                batch[i].Answer.SetResult(answers[i]);
        }
        catch (Exception failure)
        {
            foreach (var one in batch)
                one.Answer.TrySetException(failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _requests.Dispose();
}
