using System.Runtime.InteropServices;

namespace VideoSim.Kernels.Random;

/// <summary>
/// Numbers that change with every step. Every kernel on every device reads them through a pointer. So a recorded step
/// is replayed with unchanged arguments. They are at the start of the step's input block.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct StepScalars
{
    /// <summary>Parameter groups that can have a rate and a decay of their own.</summary>
    public const int MaxGroups = 6;

    /// <summary>0-based number of the update. The random numbers use it as a counter.</summary>
    public uint Step;

    /// <summary>
    /// 0-based number of the micro-batch within the update. <see cref="DropoutSite.InWholeBatch"/> uses it.
    /// </summary>
    public uint Part;

    /// <summary>Learning rate of each parameter group, with the correction of the optimizer.</summary>
    public fixed float Rates[MaxGroups];

    /// <summary>
    /// Weight decay of each group: the part of a weight that is subtracted. Only optimizers with decay read it.
    /// </summary>
    public fixed float Decays[MaxGroups];
}

/// <summary>Key and counters of a kernel's random numbers. Part of the arguments of kernels with dropout.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct DropoutSite
{
    /// <summary>The step's scalars. The step number is a counter of the generator.</summary>
    public StepScalars* Scalars;

    /// <summary>Key of the generator.</summary>
    public ulong Seed;

    /// <summary>
    /// Number of this use of random numbers: an explicit constant, never a counter. Two uses draw different numbers.
    /// </summary>
    public uint Site;

    /// <summary>
    /// Probability that a value is set to 0. Other values are multiplied by 1 / (1 - dropProbability). 0 turns dropout
    /// off.
    /// </summary>
    public float DropProbability;

    /// <summary>
    /// Elements that belong to one side of a micro-batch without a gap: the tensor is [chunks, Chunk], and that of the
    /// whole batch is [chunks, parts, Chunk]. Not used if <see cref="OtherParts"/> is 0.
    /// </summary>
    public uint Chunk;

    /// <summary>Micro-batches of the whole batch besides this one; 0 if the tensor is that of a whole batch.</summary>
    public uint OtherParts;

    /// <summary>
    /// Index in the whole batch's tensor of an element of the micro-batch's tensor. So the parts of a batch draw the
    /// same masks as the batch.
    /// </summary>
    public readonly long InWholeBatch(long element) => OtherParts == 0 ? element : element + (element / Chunk * OtherParts + Scalars->Part) * Chunk;
}
