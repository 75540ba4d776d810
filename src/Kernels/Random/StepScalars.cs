using System.Runtime.InteropServices;

namespace VideoSim.Kernels.Random;

/// <summary>
/// What changes from step to step, read through a pointer by every kernel on every device, so that a recorded step can be
/// replayed without touching its arguments. Lies at the start of the step's input block.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct StepScalars
{
    /// <summary>Parameter groups that can have a rate and a decay of their own.</summary>
    public const int MaxGroups = 6;

    /// <summary>0-based number of the update; a counter of the random numbers.</summary>
    public uint Step;

    /// <summary>Rate of each parameter group, with what its optimizer corrects in it.</summary>
    public fixed float Rates[MaxGroups];

    /// <summary>The share of its size by which a weight of each group shrinks; read where an optimizer decays weights.</summary>
    public fixed float Decays[MaxGroups];
}

/// <summary>Where a kernel's random numbers come from. Part of the argument structs of kernels that drop values.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct DropoutSite
{
    /// <summary>The step's scalars; its step number is a counter of the generator.</summary>
    public StepScalars* Scalars;

    /// <summary>Key of the generator.</summary>
    public ulong Seed;

    /// <summary>Which use of random numbers this is: an explicit constant, never a running number.</summary>
    public uint Site;

    /// <summary>Chance to zero a value; kept ones are scaled by 1 / (1 - dropProbability). 0 switches dropout off.</summary>
    public float DropProbability;
}
