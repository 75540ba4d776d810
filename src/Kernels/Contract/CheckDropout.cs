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
    private readonly BatchPart _part;

    internal CheckDropout(CheckBuilder builder, float dropProbability, BatchPart part)
    {
        int[] scalars = new int[sizeof(StepScalars) / sizeof(int)];
        (scalars[0], scalars[1]) = ((int)Step, part.Number); // the struct begins with step and part
        _scalars = builder.Integers("scalars", scalars);
        (_dropProbability, _part) = (dropProbability, part);
    }

    /// <summary>The site for the arguments. It is valid during the launch only.</summary>
    public DropoutSite Site => new()
    {
        Scalars = (StepScalars*)_scalars.Address, Seed = Seed, Site = SiteNumber, DropProbability = _dropProbability,
        Chunk = (uint)_part.Chunk, OtherParts = (uint)Math.Max(0, _part.Parts - 1),
    };

    /// <summary>The 16 random bits of an element.</summary>
    public static uint Half(long element) => Philox.Half(Seed, Step, SiteNumber, element);

    /// <summary>Factors of elements 0 to <paramref name="count"/> - 1; null without dropout.</summary>
    public T[]? Factors<T>(int count) where T : struct, IBinaryFloatingPointIeee754<T> =>
        DropoutReference.Factors<T>(Seed, Step, SiteNumber, _dropProbability, count, _part);
}
