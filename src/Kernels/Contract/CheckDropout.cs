using System.Numerics;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Contract;

/// <summary>Dropout in a check: the site that the kernel gets, and the factors that its reference uses.</summary>
public sealed unsafe class CheckDropout
{
    private const ulong Seed = 0x0123_4567_89ab_cdef;
    private const uint Step = 41, SiteNumber = 7;

    private readonly CheckBuffer _scalars;
    private readonly float _dropProbability;

    internal CheckDropout(CheckBuilder builder, float dropProbability)
    {
        int[] scalars = new int[sizeof(StepScalars) / sizeof(int)];
        scalars[0] = (int)Step; // the struct begins with the step
        _scalars = builder.Integers("scalars", scalars);
        _dropProbability = dropProbability;
    }

    /// <summary>The arguments' site; valid while the runner holds the buffers.</summary>
    public DropoutSite Site => new()
    {
        Scalars = (StepScalars*)_scalars.Address, Seed = Seed, Site = SiteNumber, DropProbability = _dropProbability,
    };

    /// <summary>Factors of the first elements; null where nothing is dropped.</summary>
    public T[]? Factors<T>(int count) where T : struct, IBinaryFloatingPointIeee754<T> =>
        DropoutReference.Factors<T>(Seed, Step, SiteNumber, _dropProbability, count);
}
