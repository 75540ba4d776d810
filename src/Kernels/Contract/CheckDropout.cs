using System.Numerics;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Contract;

/// <summary>Dropout in a check: the site for the kernel, and the factors for the reference.</summary>
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

    /// <summary>The site for the arguments. It is valid during the launch only.</summary>
    public DropoutSite Site => new()
    {
        Scalars = (StepScalars*)_scalars.Address, Seed = Seed, Site = SiteNumber, DropProbability = _dropProbability,
    };

    /// <summary>Factors of elements 0 to <paramref name="count"/> - 1; null without dropout.</summary>
    public T[]? Factors<T>(int count) where T : struct, IBinaryFloatingPointIeee754<T> =>
        DropoutReference.Factors<T>(Seed, Step, SiteNumber, _dropProbability, count);
}
