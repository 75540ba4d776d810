using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Losses;

/// <summary>
/// Checks of <see cref="TagLossKernels"/>: one head and several, one tag, rows that begin anywhere, logits far beyond where exponentials end, all
/// tags present and none, overwriting and adding, without gradients.
/// </summary>
public static unsafe class TagLossChecks
{
    private const float Scale = 0.3f, ExpertScale = 0.4f, Sharpness = 0.5f, Epsilon = 1e-8f, ConsistencyScale = 0.7f;

    private enum Wanted { Nothing, OfExperts, Everything, Added }

    // Logits to 60 leave probabilities far below epsilon; those to 10,000 leave nothing but 0 and 1.
    private static readonly (int Experts, int Videos, int Tags, float Size)[] Shapes =
        [(0, 1, 1, 2), (2, 3, 9, 3), (0, 3, 33, 3), (3, 1, 71, 60), (1, 2, 40, 100), (3, 2, 31, 10_000), (3, 0, 5, 1), (5, 2, 23, 4), (3, 2, 1023, 4), (1, 2, 2560, 8)];

    // Cross-entropy, the published asymmetric loss, and the paper's.
    private static readonly (float PositiveGamma, float NegativeGamma, float Margin)[] Focuses = [(0, 0, 0), (0, 1, 0), (1, 4, 0.05f)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(TagLossKernels.Heads, static precision => Cases(precision, consistent: false, [Wanted.OfExperts, Wanted.Everything, Wanted.Added])),
        .. KernelCheck.OfPair(TagLossKernels.ConsistentHeads, static precision => Cases(precision, consistent: true, [Wanted.OfExperts, Wanted.Everything, Wanted.Added])),
        .. KernelCheck.OfPair(TagLossKernels.HeadLosses, static precision => Cases(precision, consistent: false, [Wanted.Nothing])),
        .. KernelCheck.OfPair(TagLossKernels.ConsistentHeadLosses, static precision => Cases(precision, consistent: true, [Wanted.Nothing])),
    ];

    private static IEnumerable<CheckCase> Cases(ElementType precision, bool consistent, Wanted[] gradients)
    {
        var small =
            from shape in Shapes
            where shape.Experts > 0 || !consistent
            from focus in Focuses
            from wanted in gradients
            select Case(precision, consistent, shape, focus, wanted);
        // 47,152 bytes of dynamic shared memory: below 48 KiB alone, above it with the kernel's static shared memory. Warps take whole turns: lanes
        // that take fewer would be paired wrongly where bank conflicts are counted.
        return !consistent ? small : small.Append(Case(precision, consistent, (3, 1, 11_776 / precision.Size(), 4), Focuses[^1], wanted: gradients[^1]));
    }

    private static CheckCase Case(ElementType precision, bool consistent, (int Experts, int Videos, int Tags, float Size) shape,
        (float PositiveGamma, float NegativeGamma, float Margin) focus, Wanted wanted)
    {
        var (experts, videos, tags, size) = shape;
        var builder = new CheckBuilder((ulong)(videos + 10 * tags), precision);
        long ofHead = (long)videos * tags, ofExperts = experts * ofHead;
        int add = wanted == Wanted.Added ? 1 : 0;
        var (logits, expertLogits) = (builder.ValueInput("logits", ofHead, -size, size), builder.ValueInput("expertLogits", ofExperts, -size, size));
        // No tag of the first video is present, all of the second. Bits past the last tag are set at random: kernels may not use them.
        int words = TagLossKernels.Words(tags);
        var labels = builder.Integers("labels", [.. Enumerable.Range(0, videos * words).Select(i => videos < 2 || i / words > 1 ? (int)Philox.Bits(3, 0, 0, i) : -(i / words))]);
        var loss = builder.Output("loss", (1 + (experts > 0 ? 1 : 0) + (consistent ? 1 : 0)) * videos);
        bool ofMixtureToo = wanted is Wanted.Everything or Wanted.Added;
        var dLogits = builder.ValueGradient("dLogits", ofMixtureToo ? ofHead : 0, add);
        var dExpertLogits = builder.ValueGradient("dExpertLogits", wanted == Wanted.Nothing ? 0 : ofExperts, add);
        var kernel = wanted == Wanted.Nothing ? consistent ? TagLossKernels.ConsistentHeadLosses : TagLossKernels.HeadLosses
            : consistent ? TagLossKernels.ConsistentHeads : TagLossKernels.Heads;
        return builder.Build($"{experts} experts, {videos} videos, {tags} tags, logits to {size}, focus {focus}, gradients {wanted}", launcher =>
            launcher.Run(kernel[precision], new TagLossArgs
            {
                Logits = logits.Values, ExpertLogits = expertLogits.Values, Labels = (uint*)labels.Address, Loss = loss.Floats,
                dLogits = ofMixtureToo ? dLogits.Values : null, dExpertLogits = wanted == Wanted.Nothing ? null : dExpertLogits.Values,
                Experts = experts, Videos = videos, C = tags,
                PositiveGamma = focus.PositiveGamma, NegativeGamma = focus.NegativeGamma, Margin = focus.Margin, Scale = Scale, ExpertScale = ExpertScale,
                Sharpness = Sharpness, Epsilon = Epsilon, ConsistencyScale = ConsistencyScale, Add = add, AddExperts = add,
            }), new Reference(consistent, videos, tags, focus, wanted), wanted == Wanted.Nothing ? 2 : 3);
    }

    private sealed class Reference(bool consistent, int videos, int tags, (float Positive, float Negative, float Margin) focus, Wanted wanted) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] mixture = values["logits"], experts = values["expertLogits"];
            var ofTags = new TagLossReference(values.Ints("labels"), videos, tags, focus.Positive, focus.Negative, focus.Margin);
            var ofDistributions = new ConsistencyReference(tags, Sharpness, Epsilon);
            var expertLoss = ofTags.Forward(experts, values.Stored);
            T[][] losses =
            [
                ofTags.Forward(mixture, values.Stored),
                experts.Length > 0 ? [.. Enumerable.Range(0, videos).Select(video => Sum(expertLoss.Where((_, row) => row % videos == video)))] : [],
                consistent ? ofDistributions.Forward(mixture, experts, values.Stored) : [],
            ];
            losses.SelectMany(static loss => loss).ToArray().CopyTo(values["loss"], 0);
            if (wanted == Wanted.Nothing)
                return;
            int add = wanted == Wanted.Added ? 1 : 0;
            T[] dMixture = Scaled(ofTags.Backward(mixture), Scale), dExperts = Scaled(ofTags.Backward(experts), ExpertScale);
            if (consistent)
            {
                var (first, others) = ofDistributions.Backward(mixture, experts, values.Stored);
                dMixture = Sums(values, dMixture, Scaled(first, ConsistencyScale));
                dExperts = Sums(values, dExperts, Scaled(others, ConsistencyScale));
            }
            values.Deliver("dLogits", dMixture, add);
            values.Deliver("dExpertLogits", dExperts, add);
        }

        // Two losses leave two gradients in memory, which are added.
        private static T[] Sums<T>(CheckValues<T> values, T[] a, T[] b) where T : struct, IBinaryFloatingPointIeee754<T> =>
            [.. values.Stored(a).Zip(values.Stored(b), static (x, y) => x + y)];

        private static T[] Scaled<T>(T[] x, float scale) where T : struct, IBinaryFloatingPointIeee754<T> => [.. x.Select(value => value * T.CreateChecked(scale))];

        private static T Sum<T>(IEnumerable<T> x) where T : struct, IBinaryFloatingPointIeee754<T> => x.Aggregate(T.Zero, static (sum, value) => sum + value);
    }
}
