using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Reduce;
using TagLossKernels = VideoSim.Kernels.Losses.TagLoss;

namespace VideoSim.Engine.Operators;

/// <summary>How a tag loss weighs tags: the asymmetric loss's exponents and margin; the default is binary cross-entropy.</summary>
/// <param name="PositiveGamma">Exponent of 1 - p for tags that are present, at least 0.</param>
/// <param name="NegativeGamma">Exponent of p for tags that are absent, at least 0.</param>
/// <param name="Margin">Taken off p for tags that are absent, 0 to 1.</param>
public readonly record struct TagFocus(float PositiveGamma, float NegativeGamma, float Margin);

/// <summary>
/// Binary cross-entropy or asymmetric loss of tags from logits (specification 4.1, 4.2, 9.1): mean over videos of the sum over
/// heads and tags.
/// </summary>
public static unsafe class TagLoss
{
    private readonly record struct State(Tensor Logits, Tensor Labels, TagFocus Focus, float Scale);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Adds the term to the step.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="logits">[heads, B, C], or [B, C].</param>
    /// <param name="labels">Bits, Int32 [B, ceil(C / 32)].</param>
    /// <param name="focus">Which loss.</param>
    /// <param name="weight">Weight of the term in the total.</param>
    /// <param name="term">Where its unweighted value is written [1].</param>
    public static void Forward(Tape tape, in Tensor logits, in Tensor labels, TagFocus focus, float weight, in Tensor term)
    {
        int videos = labels.Shape[0], rows = logits.Shape.Rows, tags = logits.Shape.Width;
        if (rows % videos != 0 || labels.Shape[1] != TagLossKernels.Words(tags))
            throw new ArgumentException($"labels {labels.Shape} do not fit logits {logits.Shape}");
        var loss = tape.Scratch(new Shape(rows));
        tape.Stream.Run(TagLossKernels.Forward, new TagLossArgs
        {
            Logits = logits.Floats, Labels = (uint*)labels.Ints, Loss = loss.Floats, Rows = rows, Videos = videos, C = tags,
            PositiveGamma = focus.PositiveGamma, NegativeGamma = focus.NegativeGamma, Margin = focus.Margin,
        });
        tape.Stream.Run(Total.Sum, new TotalArgs { X = loss.Floats, Y = term.Floats, Count = rows, Scale = 1f / videos });
        tape.RecordLoss(BackwardRule, new State(logits, labels, focus, weight / videos));
    }

    private static void Backward(Tape tape, in State s)
    {
        var gradient = tape.GradientToWrite(s.Logits, out int add);
        if (!gradient.Exists)
            return;
        tape.Stream.Run(TagLossKernels.Backward, new TagLossGradArgs
        {
            Logits = s.Logits.Floats, Labels = (uint*)s.Labels.Ints, dLogits = gradient.Floats,
            Rows = s.Logits.Shape.Rows, Videos = s.Labels.Shape[0], C = s.Logits.Shape.Width,
            PositiveGamma = s.Focus.PositiveGamma, NegativeGamma = s.Focus.NegativeGamma, Margin = s.Focus.Margin, Scale = s.Scale, Add = add,
        });
    }
}
