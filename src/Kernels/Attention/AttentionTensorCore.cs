using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Attention;

/// <summary>
/// Attention of short sequences in bf16 on tensor cores. A block keeps its whole head in shared memory, so the shape is part of the code: there is
/// an instance for each width of a head and each length that sequences are padded to there, in powers of two, as a shorter one costs nothing more.
/// </summary>
public static unsafe class AttentionTensorCoreKernels
{
    private static readonly KernelFile File = new("attention", "AttentionTensorCore.cu", FormattableString.Invariant($"HIDDEN_KEY={AttentionKernels.HiddenKey:F1}f"));

    /// <summary>
    /// The instances, shorter ones first. Heads of the published models have 64 columns; the recipes for tests have 32. 128 positions take all of a
    /// thread's registers in backward and 96 of the 99 KiB of shared memory that a block has on an RTX 3090: longer ones go to the plain kernels.
    /// </summary>
    public static IReadOnlyList<AttentionInstance> Instances { get; } = [Make(32, 64), Make(64, 32), Make(64, 64), Make(64, 128)];

    /// <summary>The smallest instance for a sequence of <paramref name="s"/> positions and heads of <paramref name="d"/> columns; null where there is none.</summary>
    public static AttentionInstance? InstanceFor(int s, int d) => Instances.FirstOrDefault(instance => instance.Width == d && s <= instance.Length);

    private static AttentionInstance Make(int width, int length)
    {
        // Prepared queries, keys, values, and what is added to the scores of each key.
        int forward = 3 * length * width * sizeof(ushort) + length * sizeof(float);
        // Queries and the context's gradient; then keys and values, whose place the probabilities and their gradients take, and dQ where it has no room there.
        int region = Math.Max(2 * length * width, 2 * length * length + (length >= width ? 0 : length * width));
        int backward = (2 * length * width + region) * sizeof(ushort) + length * sizeof(float);
        return new(width, length,
            Make("forward", width, length, forward, static (in AttentionArgs a) => AttentionKernels.ForwardCost(a, ElementType.BFloat16)),
            Make("backward", width, length, backward, static (in AttentionArgs a) => AttentionKernels.BackwardCost(a, ElementType.BFloat16)));
    }

    private static Kernel<AttentionArgs> Make(string direction, int width, int length, int sharedBytes, CostOf<AttentionArgs> cost) =>
        new($"attention_{direction}_d{width}_s{length}_bf16")
        {
            From = File,
            LaunchShape = (in AttentionArgs a, in DeviceLimits _) => new(a.B * a.Heads, 2 * length, SharedBytes: sharedBytes), // a warp for 16 positions
            CountItems = AttentionKernels.Items,
            Twin = null,
            CountCost = cost,
        };
}

/// <summary>The kernels for one width of heads and one length.</summary>
/// <param name="Width">Columns of a head, exactly.</param>
/// <param name="Length">Positions, at most.</param>
/// <param name="Forward">As <see cref="AttentionKernels.Forward"/>.</param>
/// <param name="Backward">As <see cref="AttentionKernels.Backward"/>.</param>
public sealed record AttentionInstance(int Width, int Length, Kernel<AttentionArgs> Forward, Kernel<AttentionArgs> Backward);
