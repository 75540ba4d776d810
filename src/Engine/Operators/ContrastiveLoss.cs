using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Symmetric InfoNCE between a stack of vectors of each item and one other vector of it, all items of the batch being each other's negatives:
/// the sum over the stack of the mean over items. Cosines are fp32 whatever the vectors are.
/// </summary>
public static unsafe class ContrastiveLoss
{
    private readonly record struct State(Tensor Stack, Tensor Other, Tensor Cosines, Tensor Statistics, float Sharpness, Tensor Term);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Compares vectors.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="stack">[E, B, C]</param>
    /// <param name="other">[B, C], of the type of the stack.</param>
    /// <param name="temperature">Cosines are divided by it.</param>
    /// <returns>The term [1].</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public static Tensor Forward(Tape tape, in Tensor stack, in Tensor other, float temperature)
    {
        int depth = stack.Shape[0], items = stack.Shape[1], width = stack.Shape[2];
        if (other.Shape != new Shape(items, width) || other.Type != stack.Type)
            throw new ArgumentException($"vectors {other.Shape} {other.Type} do not fit a stack {stack.Shape} {stack.Type}");
        Tensor unitStack = L2Normalize.Forward(tape, stack), unitOther = L2Normalize.Forward(tape, other);
        var cosines = tape.Scratch(new Shape(depth, items, items)); // [e, i, j]: stack e, i times other j
        tape.Touches("vectors -> cosines", Touch.Read(unitStack), Touch.Read(unitOther), Touch.Write(cosines));
        MatrixProduct.Run(tape, new MatMulArgs
        {
            A = unitStack.Values, LdA = width, B = unitOther.Values, LdB = width, TransposeB = 1, C = cosines.Values, LdC = items,
            M = depth * items, N = items, K = width, Batch = 1, Operands = stack.Type, Result = cosines.Type,
        });
        Tensor statistics = tape.Scratch(new Shape(depth, 4, items)), loss = tape.Scratch(new Shape(depth, items)), value = tape.Scratch(new Shape(1));
        tape.Touches("cosines -> loss", Touch.Read(cosines), Touch.Write(value));
        tape.Stream.Run(ContrastiveLossKernels.Forward, new ContrastiveLossArgs
        {
            Cosines = cosines.Floats, Statistics = statistics.Floats, Loss = loss.Floats, Stack = depth, N = items, Sharpness = 1 / temperature,
        });
        tape.Stream.Run(TotalKernels.Sum, new TotalArgs { X = loss.Floats, Y = value.Floats, Rows = 1, Count = depth * items, Scale = 1f / items });
        var term = tape.Term(value, 0);
        tape.RecordLoss(BackwardRule, new State(unitStack, unitOther, cosines, statistics, 1 / temperature, term));
        return term;
    }

    private static void Backward(Tape tape, in State s)
    {
        float weight = tape.WeightOf(s.Term);
        if (weight == 0)
            return;
        Tensor dStack = tape.GradientToWrite(s.Stack, out int addStack), dOther = tape.GradientToWrite(s.Other, out int addOther);
        if (!dStack.Exists && !dOther.Exists)
            return;
        int depth = s.Cosines.Shape[0], items = s.Cosines.Shape[1], rows = depth * items, width = s.Other.Shape.Width;
        var dCosines = tape.Scratch(s.Cosines.Shape, s.Stack.Type);
        tape.Touches("cosines -> their gradient", Touch.Read(s.Cosines), Touch.Write(dCosines));
        tape.Stream.Run(ContrastiveLossKernels.Backward[dCosines.Type], new ContrastiveLossArgs
        {
            Cosines = s.Cosines.Floats, Statistics = s.Statistics.Floats, dCosines = dCosines.Values,
            Stack = depth, N = items, Sharpness = s.Sharpness, Scale = weight / items,
        });
        if (dOther.Exists)
        {
            tape.Touches("stack, d cosines -> d other", Touch.Read(dCosines), Touch.Read(s.Stack), Touch.Write(dOther, addOther));
            MatrixProduct.Run(tape, new MatMulArgs // dOther[items, C] = dCosines^T stack
            {
                A = dCosines.Values, LdA = items, TransposeA = 1, B = s.Stack.Values, LdB = width, C = dOther.Values, LdC = width,
                M = items, N = width, K = rows, Batch = 1, Add = addOther, Operands = dCosines.Type, Result = dOther.Type,
            });
        }
        if (dStack.Exists)
        {
            tape.Touches("other, d cosines -> d stack", Touch.Read(dCosines), Touch.Read(s.Other), Touch.Write(dStack, addStack));
            MatrixProduct.Run(tape, new MatMulArgs // dStack[rows, C] = dCosines other
            {
                A = dCosines.Values, LdA = items, B = s.Other.Values, LdB = width, C = dStack.Values, LdC = width,
                M = rows, N = width, K = items, Batch = 1, Add = addStack, Operands = dCosines.Type, Result = dStack.Type,
            });
        }
    }
}
