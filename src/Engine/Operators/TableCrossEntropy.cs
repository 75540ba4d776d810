using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Cross-entropy of rows over classes that are the rows of a table: logits = x table^T + bias, then the weighted sum of the rows' losses.
/// The logits are the operator's own, so that their gradient can take their place. In training one launch of the backward pass computes the
/// losses and writes that gradient.
/// </summary>
/// <remarks>
/// The table may be the one of an <see cref="Embedding"/>. Its gradient is dense here; as the embedding stands earlier on the tape, it adds
/// its segments after this one.
/// </remarks>
public static unsafe class TableCrossEntropy
{
    private readonly record struct State(Tensor X, Tensor Table, Tensor Bias, Tensor Targets, Tensor Weights, Tensor Logits, Tensor Term);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Classifies rows.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[rows, C]</param>
    /// <param name="table">[classes, C], of the type of x.</param>
    /// <param name="bias">[classes], of the type of x.</param>
    /// <param name="targets">The right class of each row, Int32 [rows].</param>
    /// <param name="weights">Weights of the rows [rows]: 1 / count for a mean; 0 for rows out of use.</param>
    /// <returns>The term [1]; 0 where no row is in use.</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public static Tensor Forward(Tape tape, in Tensor x, in Tensor table, in Tensor bias, in Tensor targets, in Tensor weights)
    {
        int rows = x.Shape.Rows, width = x.Shape.Width, classes = table.Shape[0];
        if (table.Shape.Width != width || bias.Shape.Count != classes || targets.Shape.Count != rows || weights.Shape.Count != rows || table.Type != x.Type || bias.Type != x.Type)
        {
            throw new ArgumentException($"a table of classes {table.Shape} {table.Type} with bias {bias.Shape} {bias.Type} was given {x.Shape} {x.Type}, " +
                $"targets {targets.Shape} and weights {weights.Shape}");
        }
        var logits = tape.Scratch(new Shape(rows, classes), x.Type);
        tape.Touches("x, table, bias -> logits", Touch.Read(x), Touch.Read(table), Touch.Read(bias), Touch.Write(logits));
        MatrixProduct.Run(tape, new MatMulArgs
        {
            A = x.Values, LdA = width, B = table.Values, LdB = width, TransposeB = 1, C = logits.Values, LdC = classes,
            Bias = bias.Values, M = rows, N = classes, K = width, Batch = 1, Operands = x.Type, Result = logits.Type,
        });
        var state = new State(x, table, bias, targets, weights, logits, tape.Term(tape.Scratch(new Shape(1)), 0));
        if (!tape.Training)
            Compute(tape, state, weight: 0);
        tape.RecordLoss(BackwardRule, state);
        return state.Term;
    }

    private static void Backward(Tape tape, in State s)
    {
        float weight = tape.WeightOf(s.Term);
        Compute(tape, s, weight);
        if (weight != 0)
            Linear.Differentiate(tape, s.X, s.Table, s.Bias, s.Logits, stack: 1, sharedInput: true);
    }

    // Leaves the gradient in the logits' place if the weight is not 0.
    private static void Compute(Tape tape, in State s, float weight)
    {
        var (rows, classes) = (s.Logits.Shape[0], s.Logits.Shape[1]);
        var loss = tape.Scratch(new Shape(rows));
        tape.Touches("logits -> loss, gradients in their place", Touch.Read(s.Logits), Touch.Read(s.Targets), Touch.Read(s.Weights),
            Touch.Write(weight != 0 ? s.Logits : default), Touch.Write(s.Term));
        tape.Stream.Run(CrossEntropyKernels.ForwardBackward[s.Logits.Type], new CrossEntropyArgs
        {
            Logits = s.Logits.Values, dLogits = weight != 0 ? s.Logits.Values : null, Targets = s.Targets.Ints, Weights = s.Weights.Floats,
            Loss = loss.Floats, Rows = rows, Classes = classes, Scale = weight,
        });
        tape.Stream.Run(TotalKernels.Sum, new TotalArgs { X = loss.Floats, Y = s.Term.Floats, Rows = 1, Count = rows, Scale = 1 });
    }
}
