using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>How a tag loss weighs tags: the asymmetric loss's exponents and margin; the default is binary cross-entropy.</summary>
/// <param name="PositiveGamma">Exponent of 1 - p for tags that are present, at least 0.</param>
/// <param name="NegativeGamma">Exponent of p for tags that are absent, at least 0.</param>
/// <param name="Margin">Taken off p for tags that are absent, 0 to 1.</param>
public readonly record struct TagFocus(float PositiveGamma, float NegativeGamma, float Margin);

/// <summary>KL divergence of the experts' softened tag distributions from the mixture's (specification 4.4).</summary>
/// <param name="Temperature">Logits are divided by it.</param>
/// <param name="Epsilon">Added to probabilities inside logarithms.</param>
/// <param name="Weight">Weight of the term in the total.</param>
public readonly record struct TagConsistency(float Temperature, float Epsilon, float Weight);

/// <summary>
/// Binary cross-entropy or asymmetric loss of tags from logits (specification 4.1, 4.2, 9.1), and the consistency of a mixture's heads: sums
/// over tags, means over videos. Weights are known ahead, so the launch that computes the losses writes the gradients of the logits as well.
/// </summary>
public static unsafe class TagLoss
{
    /// <summary>Adds the term of one head to the step.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="logits">[B, C]</param>
    /// <param name="labels">Bits, Int32 [B, ceil(C / 32)].</param>
    /// <param name="focus">Which loss.</param>
    /// <param name="weight">Weight of the term in the total.</param>
    /// <param name="term">Where its unweighted value is written [1].</param>
    public static void Forward(Tape tape, in Tensor logits, in Tensor labels, TagFocus focus, float weight, in Tensor term) =>
        Forward(tape, logits, expertLogits: default, labels, focus, weight, consistency: null, term);

    /// <summary>Adds the terms of a mixture and of its experts to the step.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="logits">[B, C]: the mixture's.</param>
    /// <param name="expertLogits">[E, B, C]</param>
    /// <param name="labels">Bits, Int32 [B, ceil(C / 32)].</param>
    /// <param name="focus">Which loss.</param>
    /// <param name="weight">Weight of the terms of the tags in the total.</param>
    /// <param name="consistency">The third term; null for none.</param>
    /// <param name="terms">Where unweighted values are written, [2] or [3]: of the mixture, the sum of the experts', and the consistency.</param>
    public static void Forward(Tape tape, in Tensor logits, in Tensor expertLogits, in Tensor labels, TagFocus focus, float weight,
        TagConsistency? consistency, in Tensor terms)
    {
        int videos = labels.Shape[0], tags = logits.Shape.Width, experts = expertLogits.Exists ? expertLogits.Shape[0] : 0;
        int count = 1 + (experts > 0 ? 1 : 0) + (consistency is null ? 0 : 1);
        if (logits.Shape != new Shape(videos, tags) || labels.Shape[1] != TagLossKernels.Words(tags) || terms.Shape != new Shape(count))
            throw new ArgumentException($"labels {labels.Shape} and {terms.Shape} terms do not fit logits {logits.Shape} and those of {experts} experts");
        if (experts > 0 ? expertLogits.Shape != new Shape(experts, videos, tags) || expertLogits.Type != logits.Type : consistency is not null)
            throw new ArgumentException($"expert logits {expertLogits.Shape} {expertLogits.Type} do not fit mixture logits {logits.Shape} {logits.Type}");
        var loss = tape.Scratch(new Shape(count, videos));
        Tensor dLogits = tape.GradientToWrite(logits, out int add), dExpertLogits = default;
        int addExperts = 0;
        if (experts > 0)
            dExpertLogits = tape.GradientToWrite(expertLogits, out addExperts);
        var kernel = consistency is null ? TagLossKernels.Heads : TagLossKernels.ConsistentHeads;
        var (temperature, epsilon, consistencyWeight) = consistency ?? new TagConsistency(1, 0, 0);
        tape.Touches("logits, label bits -> losses, gradients", Touch.Read(logits), Touch.Read(expertLogits), Touch.Read(labels),
            Touch.Write(dLogits, add), Touch.Write(dExpertLogits, addExperts), Touch.Write(terms));
        tape.Stream.Run(kernel[logits.Precision], new TagLossArgs
        {
            Logits = logits.Values, ExpertLogits = expertLogits.ValuesOrNull, Labels = (uint*)labels.Ints,
            dLogits = dLogits.ValuesOrNull, dExpertLogits = dExpertLogits.ValuesOrNull, Loss = loss.Floats,
            Experts = experts, Videos = videos, C = tags,
            PositiveGamma = focus.PositiveGamma, NegativeGamma = focus.NegativeGamma, Margin = focus.Margin, Scale = weight / videos,
            Sharpness = 1 / temperature, Epsilon = epsilon, ConsistencyScale = consistencyWeight / videos, Add = add, AddExperts = addExperts,
        });
        tape.Stream.Run(TotalKernels.Sum, new TotalArgs { X = loss.Floats, Y = terms.Floats, Rows = count, Count = videos, Scale = 1f / videos });
    }
}
