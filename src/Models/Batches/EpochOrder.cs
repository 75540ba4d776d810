using VideoSim.Engine;
using VideoSim.Kernels.Random;

namespace VideoSim.Models.Batches;

/// <summary>
/// Shuffles all samples for each epoch. The order is a function of (seed, purpose, epoch) alone, so a resumed run
/// reads the same batches. Samples that do not fill a last batch are skipped in their epoch.
/// </summary>
public sealed class EpochOrder
{
    private readonly int[] _samples;
    private readonly ulong _seed;
    private readonly uint _purpose;
    private readonly int[] _order;
    private long _epoch = -1;

    /// <summary>Refuses samples that do not fill one batch.</summary>
    /// <param name="file">File or folder of the samples.</param>
    /// <param name="owner">The part of it that has the samples.</param>
    /// <param name="samples">Name of the samples.</param>
    /// <param name="count">Number of the samples.</param>
    /// <param name="stage">Name of the stage in a preset.</param>
    /// <param name="batch">Samples of a batch, or of one part of it.</param>
    /// <param name="parts">Parts of a batch.</param>
    /// <exception cref="DataException">There are fewer samples than all parts of a batch have.</exception>
    public static void Require(string file, string owner, string samples, int count, string stage, int batch, int parts = 1)
    {
        if (count >= batch * parts)
            return;
        string advice = count == 0 ? "" : parts == 1 ? $"; pass --batch-size {count} (--set {stage}.batch={count}) or less"
            : $", which is {stage}.batch (--batch-size) {batch} times {stage}.gradient_accumulation_steps (--gradient-accumulation-steps) {parts}; lower one of them, so that the product is {count} or less";
        throw new DataException($"{file}: {owner} has {(count == 0 ? "none" : count)} of the {batch * parts} {samples} of a batch{advice}");
    }

    /// <summary>Creates an order of the given samples.</summary>
    /// <param name="samples">The samples; at least one batch, see <see cref="Require"/>.</param>
    /// <param name="batch">Samples of a batch.</param>
    /// <param name="seed">Key of the shuffle.</param>
    /// <param name="purpose">Number of the stage. Each stage has different shuffles.</param>
    public EpochOrder(int[] samples, int batch, ulong seed, uint purpose)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples.Length, batch);
        (_samples, _seed, _purpose, Batch) = (samples, seed, purpose, batch);
        _order = new int[samples.Length];
    }

    /// <summary>Samples of a batch.</summary>
    public int Batch { get; }

    /// <summary>Batches of an epoch.</summary>
    public int BatchesPerEpoch => _samples.Length / Batch;

    /// <summary>The samples of the batch with this number, counted from 0 over all epochs.</summary>
    public ReadOnlySpan<int> BatchAt(long number)
    {
        long epoch = number / BatchesPerEpoch;
        if (epoch != _epoch)
            Shuffle(epoch);
        return _order.AsSpan((int)(number % BatchesPerEpoch) * Batch, Batch);
    }

    private void Shuffle(long epoch)
    {
        _samples.CopyTo(_order, 0);
        for (int i = _order.Length - 1; i > 0; i--)
        {
            int j = (int)(Philox.Uniform(_seed, (uint)epoch, _purpose, i) * (i + 1));
            (_order[i], _order[j]) = (_order[j], _order[i]);
        }
        _epoch = epoch;
    }
}
