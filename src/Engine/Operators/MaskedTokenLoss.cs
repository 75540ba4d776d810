using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>
/// A vocabulary head and its cross-entropy (specification 3.9 and 4.5): logits = x table^T + bias, then the weighted sum of
/// the rows' losses. The logits are the operator's own, so their gradient can take their place.
/// </summary>
/// <remarks>
/// The table may be the one that tokens were embedded with. Its gradient is dense here; as the embedding stands earlier on
/// the tape, it adds its segments after this one.
/// </remarks>
public static unsafe class MaskedTokenLoss
{
    private readonly record struct State(Tensor X, Tensor Table, Tensor Bias, Tensor LogitGradient);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Adds the term to the step.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[rows, C]</param>
    /// <param name="table">[V, C], of the type of x.</param>
    /// <param name="bias">[V], of the type of x.</param>
    /// <param name="targets">The right tokens, Int32 [rows].</param>
    /// <param name="weights">Weights of the rows [rows]: 1 / count for a mean; 0 for rows out of use.</param>
    /// <param name="weight">Weight of the term in the total.</param>
    /// <param name="term">Where its unweighted value is written [1]; 0 where no row is in use.</param>
    public static void Forward(Tape tape, in Tensor x, in Tensor table, in Tensor bias, in Tensor targets, in Tensor weights, float weight, in Tensor term)
    {
        int rows = x.Shape.Rows, width = x.Shape.Width, vocabulary = table.Shape[0];
        if (table.Shape.Width != width || bias.Shape.Count != vocabulary || targets.Shape.Count != rows || weights.Shape.Count != rows || table.Type != x.Type || bias.Type != x.Type)
        {
            throw new ArgumentException($"a vocabulary head {table.Shape} {table.Type} with bias {bias.Shape} {bias.Type} was given {x.Shape} {x.Type}, " +
                $"targets {targets.Shape} and weights {weights.Shape}");
        }
        Tensor logits = tape.Scratch(new Shape(rows, vocabulary), x.Type), loss = tape.Scratch(new Shape(rows));
        tape.Touches("x, table, bias -> logits", Touch.Read(x), Touch.Read(table), Touch.Read(bias), Touch.Write(logits));
        MatrixProduct.Run(tape, new MatMulArgs
        {
            A = x.Values, LdA = width, B = table.Values, LdB = width, TransposeB = 1, C = logits.Values, LdC = vocabulary,
            Bias = bias.Values, M = rows, N = vocabulary, K = width, Batch = 1, Operands = x.Precision, Result = logits.Precision,
        });
        tape.Touches("logits -> loss, gradients in their place", Touch.Read(logits), Touch.Read(targets), Touch.Read(weights), Touch.Write(tape.Training ? logits : default), Touch.Write(term));
        tape.Stream.Run(MaskedTokenLossKernels.ForwardBackward[logits.Precision], new MaskedTokenLossArgs
        {
            Logits = logits.Values, Targets = targets.Ints, Weights = weights.Floats, Loss = loss.Floats,
            Rows = rows, V = vocabulary, Scale = weight, Differentiate = tape.Training ? 1 : 0,
        });
        tape.Stream.Run(TotalKernels.Sum, new TotalArgs { X = loss.Floats, Y = term.Floats, Rows = 1, Count = rows, Scale = 1 });
        tape.RecordLoss(BackwardRule, new State(x, table, bias, logits));
    }

    private static void Backward(Tape tape, in State s) => Linear.Differentiate(tape, s.X, s.Table, s.Bias, s.LogitGradient, stack: 1, sharedInput: true);
}
