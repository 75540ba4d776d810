using VideoSim.Engine.Devices;

namespace VideoSim.Models.Batches;

/// <summary>
/// A ring of host slots that threads of its own fill ahead of the consumer. A slot has one block for each part of a
/// batch. The contents of a batch depend on its number alone, and batches are taken in order. So neither prefetching
/// nor the number of threads changes a result.
/// </summary>
public sealed class Prefetcher : IDisposable
{
    private readonly BatchBlock[][] _slots;
    private readonly long _first, _count;
    private readonly List<Thread> _threads = [];

    // Guards all fields below.
    private readonly object _gate = new();
    private readonly bool[] _isReady; // by slot
    private long _begun, _taken; // batches that a thread fills or has filled, batches that were released
    private long _failed = long.MaxValue; // the first batch that could not be filled, counted from 0 as the others
    private Exception? _failure;
    private bool _stopped;

    /// <summary>Starts filling.</summary>
    /// <param name="host">Device of the slots.</param>
    /// <param name="shape">Shape of a block.</param>
    /// <param name="parts">Blocks of a slot.</param>
    /// <param name="slots">Number of slots: the most batches that are filled at once.</param>
    /// <param name="first">Number of the first batch.</param>
    /// <param name="count">Total number of batches to fill.</param>
    /// <param name="fills">
    /// One for each thread. Fills a slot with the batch of a number; the same number always gives the same contents,
    /// from whichever of them.
    /// </param>
    public Prefetcher(Device host, BatchShape shape, int parts, int slots, long first, long count, IReadOnlyList<Action<long, BatchBlock[]>> fills)
    {
        (_first, _count, _isReady) = (first, count, new bool[slots]);
        _slots = [.. Enumerable.Range(0, slots).Select(_ => new BatchBlock[parts])];
        try
        {
            foreach (var slot in _slots)
            {
                for (int part = 0; part < parts; part++)
                    slot[part] = new BatchBlock(host, shape);
            }
            foreach (var fill in fills)
            {
                var thread = new Thread(() => Work(fill)) { IsBackground = true, Name = "VideoSim prefetch" };
                thread.Start();
                _threads.Add(thread);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The blocks of the next batch; valid until <see cref="Release"/>.</summary>
    /// <exception cref="Engine.DataException">A record of the batch cannot be read.</exception>
    public BatchBlock[] Take()
    {
        lock (_gate)
        {
            int slot = (int)(_taken % _slots.Length);
            while (!_isReady[slot])
                Monitor.Wait(_gate);
            return _taken < _failed ? _slots[slot] : throw _failure switch
            {
                Engine.DataException bad => new Engine.DataException(bad.Message, bad),
                _ => new InvalidOperationException("assembling a batch failed", _failure),
            };
        }
    }

    /// <summary>
    /// Returns the slot of the last <see cref="Take"/> to the threads, which fill it again. Waits first until the copy
    /// from the slot's last block to a device's block is complete.
    /// </summary>
    public void Release(BatchBlock copiedTo)
    {
        copiedTo.WaitForCopy();
        lock (_gate)
        {
            _isReady[_taken % _slots.Length] = false;
            _taken++;
            Monitor.PulseAll(_gate);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }
        foreach (var thread in _threads)
            thread.Join();
        foreach (var block in _slots.SelectMany(static slot => slot))
            block?.Dispose(); // after a failed allocation some blocks do not exist
    }

    private void Work(Action<long, BatchBlock[]> fill)
    {
        while (TryBegin(out long batch))
        {
            Exception? failure = null;
            try
            {
                fill(_first + batch, _slots[batch % _slots.Length]);
            }
            catch (Exception e)
            {
                failure = e;
            }
            lock (_gate)
            {
                if (failure is not null && batch < _failed)
                    (_failed, _failure) = (batch, failure);
                _isReady[batch % _slots.Length] = true;
                Monitor.PulseAll(_gate);
            }
        }
    }

    // Waits for a free slot. False if there is nothing more to fill. Batches are begun in order, so those before one
    // that failed were begun and are completed.
    private bool TryBegin(out long batch)
    {
        lock (_gate)
        {
            while (!IsOver && _begun == _taken + _slots.Length)
                Monitor.Wait(_gate);
            batch = _begun;
            if (IsOver)
                return false;
            _begun++;
            return true;
        }
    }

    private bool IsOver => _stopped || _failure is not null || _begun == _count;
}
