using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Attention;

/// <summary>
/// Checks of attention on tensor cores, with the same formulas: lengths from 1 to the instance's, whole and ragged
/// tiles of 16. Everything else is as in <see cref="AttentionChecks"/>.
/// </summary>
public static class AttentionTensorCoreChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. AttentionTensorCoreKernels.Instances.Select(static instance => new KernelCheck(instance.Forward, () => Cases(instance, instance.Forward, backward: false))),
        .. AttentionTensorCoreKernels.Instances.Select(static instance => new KernelCheck(instance.Backward, () => Cases(instance, instance.Backward, backward: true))),
    ];

    private static IEnumerable<CheckCase> Cases(AttentionInstance instance, Kernel<AttentionArgs> kernel, bool backward)
    {
        var shapes = Shapes(instance).ToArray();
        foreach (var shape in shapes)
            yield return AttentionChecks.Case(kernel, ElementType.BFloat16, shape, backward);
        if (!backward)
            yield break;
        var apart = shapes.First(static shape => shape.Apart > 1);
        yield return AttentionChecks.Case(kernel, ElementType.BFloat16, apart, backward, ofKeys: false);
        yield return AttentionChecks.Case(kernel, ElementType.BFloat16, apart, backward, ofQueries: false);
    }

    private static IEnumerable<AttentionChecks.Shape> Shapes(AttentionInstance instance)
    {
        int d = instance.Width, length = instance.Length;
        yield return new(2, length, 2, d, 0.1f, Rotary: true, Bias: true);
        yield return new(1, length - 1, 1, d, 0.4f, Add: 1, Rotary: true);
        yield return new(1, length - 28, 2, d, Bias: true);
        yield return new(2, length, 1, d, 0.1f, Apart: 1, Bias: true);
        yield return new(1, length - 1, 2, d, 0.1f, Add: 1, Rotary: true, Bias: true, Apart: 19);
        if (length == 128)
            yield return new(1, 65, 1, d, 0.1f, Add: 1, Rotary: true, Bias: true);
        if (length != 64)
            yield break;
        // Other lengths are checked with one instance only, because the code is the same for all.
        yield return new(1, 1, 1, d, Rotary: true);
        yield return new(2, 5, 2, d, 0.3f, Bias: true);
        yield return new(2, 17, 1, d, 0.1f, Add: 1);
        yield return new(1, 33, 1, d, Apart: 33);
        yield return new(2, 17, 3, d, 0.3f, Parts: 3);
    }
}
