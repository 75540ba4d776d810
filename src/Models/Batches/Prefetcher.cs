using VideoSim.Engine.Devices;

namespace VideoSim.Models.Batches;

/// <summary>
/// A ring of host slots that a separate thread fills ahead of the consumer. A slot has one block for each part of a
/// batch. The contents of a batch depend on its number alone, so prefetching changes no result.
/// </summary>
public sealed class Prefetcher : IDisposable
{
    /// <summary>Slots of a training: the most batches that are ready at once. Batches of parts are large.</summary>
    /// <param name="parts">Blocks of a slot.</param>
    public static int SlotsOfTraining(int parts) => parts == 1 ? 3 : 2;

    private readonly BatchBlock[][] _slots;
    private readonly Action<long, BatchBlock[]> _fill;
    private readonly Thread _worker;
    private readonly SemaphoreSlim _empty, _full = new(0);
    private readonly long _first, _count;
    private Exception? _failure;
    private volatile bool _stopped;
    private long _taken;

    /// <summary>Starts filling.</summary>
    /// <param name="host">Device of the slots.</param>
    /// <param name="shape">Shape of a block.</param>
    /// <param name="parts">Blocks of a slot.</param>
    /// <param name="slots">Number of slots: the most batches that are ready at once.</param>
    /// <param name="first">Number of the first batch.</param>
    /// <param name="count">Total number of batches to fill.</param>
    /// <param name="fill">
    /// Fills a slot with the batch of a number; the same number always gives the same contents.
    /// </param>
    public Prefetcher(Device host, BatchShape shape, int parts, int slots, long first, long count, Action<long, BatchBlock[]> fill)
    {
        (_first, _count, _fill) = (first, count, fill);
        _slots = [.. Enumerable.Range(0, slots).Select(_ => new BatchBlock[parts])];
        try
        {
            foreach (var slot in _slots)
            {
                for (int part = 0; part < parts; part++)
                    slot[part] = new BatchBlock(host, shape);
            }
        }
        catch
        {
            DisposeSlots();
            throw;
        }
        _empty = new SemaphoreSlim(slots);
        _worker = new Thread(Work) { IsBackground = true, Name = "VideoSim prefetch" };
        _worker.Start();
    }

    /// <summary>The blocks of the next batch; valid until <see cref="Release"/>.</summary>
    /// <exception cref="Engine.DataException">A record of the batch cannot be read.</exception>
    public BatchBlock[] Take()
    {
        _full.Wait();
        if (_failure is { } failure)
        {
            _full.Release(); // the next call throws the same failure
            if (failure is Engine.DataException bad)
                throw new Engine.DataException(bad.Message, bad);
            throw new InvalidOperationException("assembling a batch failed", failure);
        }
        return _slots[_taken % _slots.Length];
    }

    /// <summary>
    /// Returns the slot of the last <see cref="Take"/> to the worker, which fills it again. Waits first until the copy
    /// from the slot's last block to a device's block is complete.
    /// </summary>
    public void Release(BatchBlock copiedTo)
    {
        copiedTo.WaitForCopy();
        _taken++;
        _empty.Release();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopped = true;
        _empty.Release();
        _worker.Join();
        DisposeSlots();
        _empty.Dispose();
        _full.Dispose();
    }

    // After a failed allocation some blocks do not exist.
    private void DisposeSlots()
    {
        foreach (var block in _slots.SelectMany(static slot => slot))
            block?.Dispose();
    }

    private void Work()
    {
        for (long i = 0; i < _count; i++)
        {
            _empty.Wait();
            if (_stopped)
                return;
            try
            {
                _fill(_first + i, _slots[i % _slots.Length]);
            }
            catch (Exception e)
            {
                _failure = e;
                _full.Release();
                return;
            }
            _full.Release();
        }
    }
}
