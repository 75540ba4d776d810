using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Losses;

/// <summary>
/// Checks of <see cref="TagLossKernels"/>: one head and several; one tag; rows that do not begin on 16 bytes; logits
/// far outside the range of exponentials; all tags present and none; overwriting and adding; no gradients.
/// </summary>
public static unsafe class TagLossChecks
{
    private const float Scale = 0.3f, ExpertScale = 0.4f, Sharpness = 0.5f, Epsilon = 1e-8f, ConsistencyScale = 0.7f;

    private enum Gradients { None, OfExperts, OfAll, Added }

    // Logits up to 60 give probabilities far below epsilon. Logits up to 10,000 give only 0 and 1.
    private static readonly (int Experts, int Videos, int Tags, float Size)[] Shapes =
        [(0, 1, 1, 2), (2, 3, 9, 3), (0, 3, 33, 3), (3, 1, 71, 60), (1, 2, 40, 100), (3, 2, 31, 10_000), (3, 0, 5, 1), (5, 2, 23, 4), (3, 2, 1023, 4), (1, 2, 2560, 8)];

    // Cross-entropy, the published asymmetric loss, and the paper's.
    private static readonly (float PositiveGamma, float NegativeGamma, float Margin)[] Focuses = [(0, 0, 0), (0, 1, 0), (1, 4, 0.05f)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(TagLossKernels.Heads, static precision => Cases(precision, consistent: false, [Gradients.OfExperts, Gradients.OfAll, Gradients.Added])),
        .. KernelCheck.OfPair(TagLossKernels.ConsistentHeads, static precision => Cases(precision, consistent: true, [Gradients.OfExperts, Gradients.OfAll, Gradients.Added])),
        .. KernelCheck.OfPair(TagLossKernels.HeadLosses, static precision => Cases(precision, consistent: false, [Gradients.None])),
        .. KernelCheck.OfPair(TagLossKernels.ConsistentHeadLosses, static precision => Cases(precision, consistent: true, [Gradients.None])),
    ];

    private static IEnumerable<CheckCase> Cases(ElementType precision, bool consistent, Gradients[] variants)
    {
        var small =
            from shape in Shapes
            where shape.Experts > 0 || !consistent
            from focus in Focuses
            from gradients in variants
            select Case(precision, consistent, shape, focus, gradients);
        // 47,152 bytes of dynamic shared memory: less than 48 KiB, but more together with the kernel's static shared
        // memory. All lanes of a warp have the same number of packs. Otherwise the count of bank conflicts would pair
        // accesses wrongly.
        return !consistent ? small : small.Append(Case(precision, consistent, (3, 1, 11_776 / precision.Size(), 4), Focuses[^1], gradients: variants[^1]));
    }

    private static CheckCase Case(ElementType precision, bool consistent, (int Experts, int Videos, int Tags, float Size) shape,
        (float PositiveGamma, float NegativeGamma, float Margin) focus, Gradients gradients)
    {
        var (experts, videos, tags, size) = shape;
        var builder = new CheckBuilder((ulong)(videos + 10 * tags), precision);
        long ofHead = (long)videos * tags, ofExperts = experts * ofHead;
        int add = gradients == Gradients.Added ? 1 : 0;
        var (logits, expertLogits) = (builder.ValueInput("logits", ofHead, -size, size), builder.ValueInput("expertLogits", ofExperts, -size, size));
        // No tag of the first video is present, all tags of the second are. Bits past the last tag are random: kernels
        // must ignore them.
        int words = TagLossKernels.Words(tags);
        int[] bits = [.. Enumerable.Range(0, videos * words).Select(i => videos < 2 || i / words > 1 ? (int)Philox.Bits(3, 0, 0, i) : -(i / words))];
        var labels = builder.Integers("labels", bits);
        var loss = builder.Output("loss", (1 + (experts > 0 ? 1 : 0) + (consistent ? 1 : 0)) * videos);
        bool ofMixture = gradients is Gradients.OfAll or Gradients.Added;
        var dLogits = builder.ValueGradient("dLogits", ofMixture ? ofHead : 0, add);
        var dExpertLogits = builder.ValueGradient("dExpertLogits", gradients == Gradients.None ? 0 : ofExperts, add);
        var kernel = gradients == Gradients.None ? consistent ? TagLossKernels.ConsistentHeadLosses : TagLossKernels.HeadLosses
            : consistent ? TagLossKernels.ConsistentHeads : TagLossKernels.Heads;
        return builder.Build($"{experts} experts, {videos} videos, {tags} tags, logits to {size}, focus {focus}, gradients {gradients}", launcher =>
            launcher.Run(kernel[precision], new TagLossArgs
            {
                Logits = logits.Values, ExpertLogits = expertLogits.Values, Labels = (uint*)labels.Address, Loss = loss.Floats,
                dLogits = ofMixture ? dLogits.Values : null, dExpertLogits = gradients == Gradients.None ? null : dExpertLogits.Values,
                Experts = experts, Videos = videos, C = tags,
                PositiveGamma = focus.PositiveGamma, NegativeGamma = focus.NegativeGamma, Margin = focus.Margin, Scale = Scale, ExpertScale = ExpertScale,
                Sharpness = Sharpness, Epsilon = Epsilon, ConsistencyScale = ConsistencyScale, Add = add, AddExperts = add,
            }), new Reference(consistent, videos, tags, focus, gradients), gradients == Gradients.None ? 2 : 3) with
        {
            // In bf16 the plain formulas round more than the special functions.
            ErrorsOfSpecialFunctions = precision == ElementType.Float32 ? LargestError : null,
        };

        double LargestError(string buffer)
        {
            double[] first = Values(logits), others = Values(expertLogits);
            var ofTags = new TagLossErrors(new TagLossReference(bits, videos, tags, focus.PositiveGamma, focus.NegativeGamma, focus.Margin));
            ConsistencyErrors[] ofVideos = !consistent ? [] : [.. Enumerable.Range(0, videos).Select(video => new ConsistencyErrors(
                first[(video * tags)..((video + 1) * tags)], [.. others.Chunk(tags).Where((_, row) => row % videos == video)], Sharpness, Epsilon))];
            const double scale = ConsistencyScale * Sharpness;
            return TagLossErrors.Unit * (buffer switch
            {
                "dLogits" => Largest(first.Select((_, i) => Scale * ofTags.Of(first, i).Slope + (consistent ? scale * ofVideos[i / tags].OfMixture[i % tags] : 0))),
                "dExpertLogits" => Largest(others.Select((_, i) => ExpertScale * ofTags.Of(others, i).Slope + (consistent ? scale * ofVideos[i / tags % videos].OfExperts[i / tags / videos][i % tags] : 0))),
                _ => Largest([OfVideos(first), OfVideos(others), .. ofVideos.Select(static errors => errors.Loss)]),
            });

            double OfVideos(double[] rows) => Largest(Enumerable.Range(0, videos).Select(video => rows.Select((_, i) => i / tags % videos == video ? ofTags.Of(rows, i).Loss : 0).Sum()));
        }
    }

    private static double[] Values(CheckBuffer buffer) => Array.ConvertAll(buffer.Decode(buffer.Data), static x => (double)x);

    private static double Largest(IEnumerable<double> errors) => errors.DefaultIfEmpty().Max();

    private sealed class Reference(bool consistent, int videos, int tags, (float Positive, float Negative, float Margin) focus, Gradients gradients) : ICheckReference
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
            if (gradients == Gradients.None)
                return;
            int add = gradients == Gradients.Added ? 1 : 0;
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

        // The plain version stores the gradients of both losses and adds them.
        private static T[] Sums<T>(CheckValues<T> values, T[] a, T[] b) where T : struct, IBinaryFloatingPointIeee754<T> =>
            [.. values.Stored(a).Zip(values.Stored(b), static (x, y) => x + y)];

        private static T[] Scaled<T>(T[] x, float scale) where T : struct, IBinaryFloatingPointIeee754<T> => [.. x.Select(value => value * T.CreateChecked(scale))];

        private static T Sum<T>(IEnumerable<T> x) where T : struct, IBinaryFloatingPointIeee754<T> => x.Aggregate(T.Zero, static (sum, value) => sum + value);
    }
}
