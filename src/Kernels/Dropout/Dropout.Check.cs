using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Dropout;

/// <summary>
/// Checks: one element, ragged ends, whole blocks and more than one, overwriting and adding, small and large
/// probabilities. Parts of a batch: chunks of whole packs, of halves of a block of random numbers, and chunks that
/// begin and end inside a pack and inside a block. Thresholds beside the bits of an element, which is dropped if the
/// threshold is rounded up; the largest threshold.
/// </summary>
public static unsafe class DropoutChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(DropoutKernels.Apply, static precision => [Case(precision, 1, 0.5f, 0), Case(precision, 31, 0.1f, 1), Case(precision, 259, 0.9f, 0),
            Case(precision, 31, (CheckDropout.Half(5) + 0.75f) / 65536, 0), Case(precision, 31, (CheckDropout.Half(5) + 0.25f) / 65536, 0), Case(precision, 31, 0.999999f, 0),
            Case(precision, 2 * DropoutKernels.BlockElements + 5, 0.2f, 1), Case(precision, 2 * DropoutKernels.BlockElements, 0.2f, 0),
            Case(precision, 240, 0.4f, 1, new(48, 3, 2)), Case(precision, 180, 0.4f, 0, new(36, 3, 1)), Case(precision, 259, 0.4f, 1, new(37, 3, 1)), Case(precision, 2 * DropoutKernels.BlockElements + 6, 0.2f, 0, new(DropoutKernels.BlockElements + 3, 2, 1))]),
    ];

    private static CheckCase Case(ElementType precision, int count, float dropProbability, int add, BatchPart part = default)
    {
        var builder = new CheckBuilder(seed: 31, precision);
        var x = builder.ValueInput("x", count);
        var dropout = builder.Dropout(dropProbability, part);
        var y = builder.ValueGradient("y", count, add);
        return builder.Build($"{count} elements, dropout {dropProbability}, add {add}, {part}", launcher => launcher.Run(DropoutKernels.Apply[precision], new DropoutArgs
        {
            X = x.Values, Y = y.Values, Dropout = dropout.Site, Count = count, Add = add,
        }), new Reference(dropout, add), factor: 2);
    }

    private sealed class Reference(CheckDropout dropout, int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var x = values["x"];
            values.Deliver("y", values.Stored([.. x.Zip(dropout.Factors<T>(x.Length)!, static (x, factor) => x * factor)]), add);
        }
    }
}
