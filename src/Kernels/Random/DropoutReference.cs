using System.Numerics;

namespace VideoSim.Kernels.Random;

/// <summary>
/// Where the elements of a micro-batch's tensor are in the tensor of the whole batch: one is [chunks, Chunk], the
/// other [chunks, Parts, Chunk]. The default is a whole batch.
/// </summary>
/// <param name="Chunk">Elements of a chunk.</param>
/// <param name="Parts">Micro-batches of the whole batch.</param>
/// <param name="Number">0-based number of this one.</param>
public readonly record struct BatchPart(int Chunk, int Parts, int Number)
{
    /// <summary>Index in the whole batch's tensor.</summary>
    public long InWholeBatch(long element) => Parts == 0 ? element : (element / Chunk * Parts + Number) * Chunk + element % Chunk;
}

/// <summary>
/// The rule of dropout, one element at a time. Checks compare the vectorised and the CUDA masks with it.
/// </summary>
public static class DropoutReference
{
    /// <summary>Factors of elements 0 to <paramref name="count"/> - 1; null without dropout.</summary>
    public static T[]? Factors<T>(ulong seed, uint step, uint site, float dropProbability, int count, BatchPart part = default) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        if (dropProbability == 0)
            return null;
        var kept = T.One / (T.One - T.CreateChecked(dropProbability));
        var factors = new T[count];
        for (int i = 0; i < count; i++)
            factors[i] = IsDropped(seed, step, site, dropProbability, part.InWholeBatch(i)) ? T.Zero : kept;
        return factors;
    }

    /// <summary>True if an element of the whole batch is set to 0.</summary>
    public static bool IsDropped(ulong seed, uint step, uint site, float dropProbability, long element) =>
        Philox.Half(seed, step, site, element) < Philox.Threshold16(dropProbability);
}
