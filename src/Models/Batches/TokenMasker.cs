using VideoSim.Kernels.Random;
using VideoSim.Models.Configuration;
using VideoSim.Models.Text;

namespace VideoSim.Models.Batches;

/// <summary>
/// Masks tokens of titles, which the model then predicts (docs/reference-system.md, section 2.2). Each token other
/// than [CLS], [SEP] and [PAD] is selected independently with probability 0.15. Of the selected tokens, 80 % become
/// [MASK], 10 % become a random piece of the vocabulary and 10 % stay. A mask is a function of (seed, draw, record,
/// position) alone. Nothing is allocated.
/// </summary>
/// <param name="vocabulary">The pieces.</param>
/// <param name="seed">Key of the random numbers.</param>
public sealed unsafe class TokenMasker(Vocabulary vocabulary, ulong seed)
{
    private const double Selected = 0.15, Deviations = 6;
    private const float Masked = 0.8f, MaskedOrReplaced = 0.9f;

    /// <summary>
    /// The largest number of masked tokens in a batch: all but the two special tokens of each title.
    /// </summary>
    public static int Candidates(int videos, int textLength) => videos * (textLength - 2);

    /// <summary>
    /// Rows of the vocabulary head, one number for each variant of the step. The first is the mean plus six standard
    /// deviations; one batch in a thousand million exceeds it. The second has room for every candidate.
    /// </summary>
    public static int[] PlanRows(int videos, int textLength)
    {
        int all = Candidates(videos, textLength);
        int usual = (int)Math.Ceiling(all * Selected + Deviations * Math.Sqrt(all * Selected * (1 - Selected)));
        return usual < all ? [usual, all] : [all];
    }

    /// <summary>
    /// Masks the filled parts of a batch: changes token ids and fills the masked positions, ascending, with targets
    /// and weights. The mean over the parts of their weighted sums is the mean over all masked tokens of the batch.
    /// </summary>
    /// <param name="records">The records of all rows; rows past them repeat the last one.</param>
    /// <param name="draw">Number of the batch.</param>
    /// <param name="parts">The blocks; token ids are sorted after this.</param>
    public void Mask(ReadOnlySpan<int> records, long draw, ReadOnlySpan<BatchBlock> parts)
    {
        int masked = 0;
        for (int i = 0; i < parts.Length; i++)
        {
            Mask(records[Math.Min(i * parts[i].Shape.Videos, records.Length - 1)..], draw, parts[i]);
            masked += *parts[i].MaskedCount.Ints;
        }
        foreach (var part in parts)
        {
            for (int row = 0; row < part.Shape.MaskedCapacity; row++)
                part.MaskedWeights.Floats[row] = row < *part.MaskedCount.Ints ? (float)parts.Length / masked : 0;
        }
    }

    // Everything but the weights.
    private void Mask(ReadOnlySpan<int> records, long draw, BatchBlock slot)
    {
        int length = slot.Shape.TextLength, count = 0;
        for (int at = 0; at < slot.Shape.Tokens; at++)
        {
            int* id = slot.TokenIds.Ints + at;
            if (*id == vocabulary.ClassId || *id == vocabulary.SeparatorId || *id == vocabulary.PadId)
                continue;
            long element = (long)records[Math.Min(at / length, records.Length - 1)] * length + at % length;
            var (select, what, piece, _) = Philox.Block((uint)element, (uint)(element >> 32), RandomSites.TokenMasks, (uint)draw, seed);
            if (select >= Philox.Threshold((float)Selected))
                continue;
            (slot.MaskedPositions.Ints[count], slot.MaskedTargets.Ints[count]) = (at, *id);
            count++;
            if (what < Philox.Threshold(Masked))
                *id = vocabulary.MaskId;
            else if (what < Philox.Threshold(MaskedOrReplaced))
                *id = (int)((ulong)piece * (uint)vocabulary.Count >> 32);
        }
        *slot.MaskedCount.Ints = count;
        for (int row = count; row < slot.Shape.MaskedCapacity; row++)
            (slot.MaskedPositions.Ints[row], slot.MaskedTargets.Ints[row]) = (slot.Shape.Tokens, 0);
    }
}
