using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Cross-entropy of rows over classes: -log softmax(logits)[label], its mean over rows or another weighted sum. In training one launch of the
/// backward pass computes the losses and the gradient.
/// </summary>
/// <remarks>Where the classes are the rows of a table, <see cref="TableCrossEntropy"/> needs no second tensor of the logits' size.</remarks>
public static unsafe class SoftmaxCrossEntropy
{
    private readonly record struct State(Tensor Logits, Tensor Labels, Tensor Weights, Tensor Term);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Compares logits with labels.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="logits">[..., classes]</param>
    /// <param name="labels">The right class of each row, Int32 [rows]. A label that is no class makes the term NaN.</param>
    /// <param name="weights">Weights of the rows [rows], such as 1 / count, and 0 for rows out of use; default for the mean over all rows.</param>
    /// <returns>The term [1].</returns>
    /// <exception cref="ArgumentException">There are not as many labels or weights as rows.</exception>
    public static Tensor Forward(Tape tape, in Tensor logits, in Tensor labels, in Tensor weights = default)
    {
        int rows = logits.Shape.Rows;
        if (labels.Shape.Count != rows || (weights.Exists && weights.Shape.Count != rows))
            throw new ArgumentException($"labels {labels.Shape} and weights {weights.Shape} do not fit logits {logits.Shape}");
        var state = new State(logits, labels, weights, tape.Term(tape.Scratch(new Shape(1)), 0));
        if (!tape.Training)
            Compute(tape, state, weight: 0);
        tape.RecordLoss(BackwardRule, state);
        return state.Term;
    }

    private static void Backward(Tape tape, in State s) => Compute(tape, s, tape.WeightOf(s.Term));

    // The gradient, too, if the weight is not 0.
    private static void Compute(Tape tape, in State s, float weight)
    {
        int rows = s.Logits.Shape.Rows, add = 0;
        float share = s.Weights.Exists ? 1 : 1f / rows;
        var loss = tape.Scratch(new Shape(rows));
        var gradient = weight != 0 ? tape.GradientToWrite(s.Logits, out add) : default;
        tape.Touches("logits -> loss, gradient", Touch.Read(s.Logits), Touch.Read(s.Labels), Touch.Read(s.Weights), Touch.Write(gradient, add), Touch.Write(s.Term));
        tape.Stream.Run(CrossEntropyKernels.ForwardBackward[s.Logits.Type], new CrossEntropyArgs
        {
            Logits = s.Logits.Values, dLogits = gradient.ValuesOrNull, Targets = s.Labels.Ints, Weights = s.Weights.FloatsOrNull,
            Loss = loss.Floats, Rows = rows, Classes = s.Logits.Shape.Width, Scale = weight * share, Add = add,
        });
        tape.Stream.Run(TotalKernels.Sum, new TotalArgs { X = loss.Floats, Y = s.Term.Floats, Rows = 1, Count = rows, Scale = share });
    }
}
