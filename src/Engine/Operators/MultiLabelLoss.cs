using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>How a multi-label loss weighs labels: the asymmetric loss's exponents and margin; the default is binary cross-entropy.</summary>
/// <param name="PositiveGamma">Exponent of 1 - p for labels that are present, at least 0.</param>
/// <param name="NegativeGamma">Exponent of p for labels that are absent, at least 0.</param>
/// <param name="Margin">Taken off p for labels that are absent, 0 to 1.</param>
public readonly record struct LabelFocus(float PositiveGamma, float NegativeGamma, float Margin);

/// <summary>KL divergence of the experts' softened distributions from the mixture's.</summary>
/// <param name="Temperature">Logits are divided by it.</param>
/// <param name="Epsilon">Added to probabilities inside logarithms.</param>
public readonly record struct HeadConsistency(float Temperature, float Epsilon);

/// <summary>The terms of a mixture's multi-label loss, [1] each.</summary>
/// <param name="Mixture">Loss of the mixture.</param>
/// <param name="Experts">Sum of the experts' losses.</param>
/// <param name="Consistency">The consistency; default where none was asked for.</param>
public readonly record struct HeadTerms(Tensor Mixture, Tensor Experts, Tensor Consistency);

/// <summary>
/// Binary cross-entropy or asymmetric loss of labels from logits, and the consistency of a mixture's heads: sums over labels, means over
/// rows. In training one launch of the backward pass computes the losses and writes the gradients of the logits.
/// </summary>
public static unsafe class MultiLabelLoss
{
    private readonly record struct State(Tensor Logits, Tensor ExpertLogits, Tensor Labels, LabelFocus Focus, HeadConsistency? Consistency, HeadTerms Terms, Tensor Values);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Loss of one head.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="logits">[rows, C]</param>
    /// <param name="labels">Bits, Int32 [rows, ceil(C / 32)].</param>
    /// <param name="focus">Which loss.</param>
    /// <returns>The term [1].</returns>
    public static Tensor Forward(Tape tape, in Tensor logits, in Tensor labels, LabelFocus focus) =>
        Forward(tape, logits, expertLogits: default, labels, focus, consistency: null).Mixture;

    /// <summary>Losses of a mixture and of its experts.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="logits">[rows, C]: the mixture's.</param>
    /// <param name="expertLogits">[E, rows, C]</param>
    /// <param name="labels">Bits, Int32 [rows, ceil(C / 32)].</param>
    /// <param name="focus">Which loss.</param>
    /// <param name="consistency">The third term; null for none.</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public static HeadTerms Forward(Tape tape, in Tensor logits, in Tensor expertLogits, in Tensor labels, LabelFocus focus, HeadConsistency? consistency)
    {
        int rows = labels.Shape[0], classes = logits.Shape.Width, experts = expertLogits.Exists ? expertLogits.Shape[0] : 0;
        if (logits.Shape != new Shape(rows, classes) || labels.Shape[1] != TagLossKernels.Words(classes))
            throw new ArgumentException($"labels {labels.Shape} do not fit logits {logits.Shape}");
        if (experts > 0 ? expertLogits.Shape != new Shape(experts, rows, classes) || expertLogits.Type != logits.Type : consistency is not null)
            throw new ArgumentException($"expert logits {expertLogits.Shape} {expertLogits.Type} do not fit mixture logits {logits.Shape} {logits.Type}");
        var values = tape.Scratch(new Shape(1 + (experts > 0 ? 1 : 0) + (consistency is null ? 0 : 1)));
        var terms = new HeadTerms(tape.Term(values, 0), experts > 0 ? tape.Term(values, 1) : default, consistency is null ? default : tape.Term(values, 2));
        var state = new State(logits, expertLogits, labels, focus, consistency, terms, values);
        if (!tape.Training)
            Compute(tape, state, (0, 0, 0), dLogits: default, add: 0, dExpertLogits: default, addExperts: 0);
        tape.RecordLoss(BackwardRule, state);
        return terms;
    }

    private static void Backward(Tape tape, in State s)
    {
        var weights = (Mixture: tape.WeightOf(s.Terms.Mixture), Experts: tape.WeightOf(s.Terms.Experts), Consistency: tape.WeightOf(s.Terms.Consistency));
        Tensor dLogits = default, dExpertLogits = default;
        int add = 0, addExperts = 0;
        if (weights != (0, 0, 0))
            (dLogits, dExpertLogits) = (tape.GradientToWrite(s.Logits, out add), tape.GradientToWrite(s.ExpertLogits, out addExperts));
        Compute(tape, s, weights, dLogits, add, dExpertLogits, addExperts);
    }

    private static void Compute(Tape tape, in State s, (float Mixture, float Experts, float Consistency) weights, Tensor dLogits, int add, Tensor dExpertLogits, int addExperts)
    {
        int rows = s.Logits.Shape[0], terms = s.Values.Shape.Width;
        var loss = tape.Scratch(new Shape(terms, rows));
        bool differentiates = dLogits.Exists || dExpertLogits.Exists;
        var kernel = s.Consistency is null ? differentiates ? TagLossKernels.Heads : TagLossKernels.HeadLosses
            : differentiates ? TagLossKernels.ConsistentHeads : TagLossKernels.ConsistentHeadLosses;
        var (temperature, epsilon) = s.Consistency ?? new HeadConsistency(1, 0);
        tape.Touches("logits, label bits -> losses, gradients", Touch.Read(s.Logits), Touch.Read(s.ExpertLogits), Touch.Read(s.Labels),
            Touch.Write(dLogits, add), Touch.Write(dExpertLogits, addExperts), Touch.Write(s.Values));
        tape.Stream.Run(kernel[s.Logits.Type], new TagLossArgs
        {
            Logits = s.Logits.Values, ExpertLogits = s.ExpertLogits.ValuesOrNull, Labels = (uint*)s.Labels.Ints,
            dLogits = dLogits.ValuesOrNull, dExpertLogits = dExpertLogits.ValuesOrNull, Loss = loss.Floats,
            Experts = s.ExpertLogits.Exists ? s.ExpertLogits.Shape[0] : 0, Videos = rows, C = s.Logits.Shape.Width,
            PositiveGamma = s.Focus.PositiveGamma, NegativeGamma = s.Focus.NegativeGamma, Margin = s.Focus.Margin,
            Scale = weights.Mixture / rows, ExpertScale = weights.Experts / rows, Sharpness = 1 / temperature, Epsilon = epsilon,
            ConsistencyScale = weights.Consistency / rows, Add = add, AddExperts = addExperts,
        });
        tape.Stream.Run(TotalKernels.Sum, new TotalArgs { X = loss.Floats, Y = s.Values.Floats, Rows = terms, Count = rows, Scale = 1f / rows });
    }
}
