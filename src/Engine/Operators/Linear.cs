using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Narrow;

namespace VideoSim.Engine.Operators;

/// <summary>
/// y = x W^T + b, also for a stack of E independent maps in one batched product. Weights are [N, K] as in PyTorch and
/// have the type of x. The result has that type, or is fp32. The bias has the type of the result. Gradients of weights
/// are fp32.
/// </summary>
public static unsafe class Linear
{
    private readonly record struct State(Tensor X, Tensor Weight, Tensor Bias, Tensor Y, int Stack, bool SharedInput);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Applies one map.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[..., K]</param>
    /// <param name="weight">[N, K]</param>
    /// <param name="bias">[N], or default for none.</param>
    /// <param name="result">Type of the result; null for that of <paramref name="x"/>.</param>
    /// <returns>[rows, N]</returns>
    public static Tensor Forward(Tape tape, in Tensor x, in Tensor weight, in Tensor bias = default, ElementType? result = null) =>
        Apply(tape, x, weight, bias, 1, sharedInput: true, new Shape(x.Shape.Rows, weight.Shape[0]), result ?? x.Type);

    /// <summary>Applies a stack of maps, each to its own input or all to the same one.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[E, rows, K], or [rows, K] shared by all.</param>
    /// <param name="weight">[E, N, K]</param>
    /// <param name="bias">[E, N], or default for none.</param>
    /// <param name="result">Type of the result; null for that of <paramref name="x"/>.</param>
    /// <returns>[E, rows, N]</returns>
    public static Tensor ForwardStack(Tape tape, in Tensor x, in Tensor weight, in Tensor bias = default, ElementType? result = null)
    {
        int stack = weight.Shape[0];
        bool shared = x.Shape.Rank == 2;
        return Apply(tape, x, weight, bias, stack, shared, new Shape(stack, shared ? x.Shape[0] : x.Shape[1], weight.Shape[1]), result ?? x.Type);
    }

    private static Tensor Apply(Tape tape, in Tensor x, in Tensor weight, in Tensor bias, int stack, bool sharedInput, Shape shape, ElementType result)
    {
        int k = x.Shape.Width, n = shape.Width, rows = shape.Rows / stack;
        if (weight.Shape.Width != k || weight.Type != x.Type || (!sharedInput && x.Shape[0] != stack))
            throw new ArgumentException($"a linear map of {weight.Shape} {weight.Type} was given {x.Shape} {x.Type}");
        if (bias.Exists && (bias.Shape.Count != (long)stack * n || bias.Type != result))
            throw new ArgumentException($"a linear map of {weight.Shape} with a result of {result} was given a bias of {bias.Shape} {bias.Type}");
        var y = tape.Result(shape, differentiable: true, result);
        tape.Touches("x, weight, bias -> y", Touch.Read(x), Touch.Read(weight), Touch.Read(bias), Touch.Write(y));
        MatrixProduct.Run(tape, new MatMulArgs
        {
            A = x.Values, StrideA = sharedInput ? 0 : (long)rows * k, LdA = k,
            B = weight.Values, StrideB = (long)n * k, LdB = k, TransposeB = 1,
            C = y.Values, StrideC = (long)rows * n, LdC = n,
            Bias = bias.ValuesOrNull, StrideBias = n,
            M = rows, N = n, K = k, Batch = stack, Operands = x.Type, Result = y.Type,
        });
        tape.Record(BackwardRule, new State(x, weight, bias, y, stack, sharedInput), y);
        return y;
    }

    private static void Backward(Tape tape, in State s) =>
        Differentiate(tape, s.X, s.Weight, s.Bias, tape.GradientOf(s.Y), s.Stack, s.SharedInput);

    /// <summary>
    /// Writes the gradients of a map or a stack, from the gradient of its result [E * rows, N]; for operators that
    /// contain a map.
    /// </summary>
    internal static void Differentiate(Tape tape, in Tensor x, in Tensor weight, in Tensor bias, in Tensor dY, int stack, bool sharedInput)
    {
        int k = x.Shape.Width, n = dY.Shape.Width, rows = dY.Shape.Rows / stack;
        var operand = dY.Type == x.Type ? dY : Narrow(tape, dY);
        var columnSum = default(ColumnSum);
        using (tape.Stream.Group())
        {
            var dWeight = tape.GradientToWrite(weight, out int add, inBranch: true);
            if (dWeight.Exists)
            {
                using var branch = tape.Stream.Branch();
                tape.Touches("x, dY -> gradient of the weight", Touch.Read(x), Touch.Read(operand), Touch.Write(dWeight, add));
                MatrixProduct.Run(tape, new MatMulArgs // dW[N, K] = dY^T x
                {
                    A = operand.Values, StrideA = (long)rows * n, LdA = n, TransposeA = 1,
                    B = x.Values, StrideB = sharedInput ? 0 : (long)rows * k, LdB = k,
                    C = dWeight.Values, StrideC = (long)n * k, LdC = k,
                    M = n, N = k, K = rows, Batch = stack, Add = add, Operands = x.Type, Result = dWeight.Type,
                });
            }
            var dX = tape.GradientToWrite(x, out add);
            if (dX.Exists)
            {
                tape.Touches("weight, dY -> dX", Touch.Read(weight), Touch.Read(operand), Touch.Write(dX, add));
                WriteInputGradient(tape, weight, operand, dX, stack, sharedInput, add);
            }
            var dBias = bias.Exists ? tape.GradientToWrite(bias, out add) : default;
            if (dBias.Exists)
                columnSum = ColumnSum.Begin(tape, dY, stack, rows, n, dBias, add);
        }
        columnSum.Finish(tape, bias);
    }

    // dx[rows, K] = dY W. If the stack shares its input, the products run one after the other, because they add to the
    // same gradient.
    private static void WriteInputGradient(Tape tape, in Tensor weight, in Tensor dY, in Tensor dX, int stack, bool sharedInput, int add)
    {
        int n = dY.Shape.Width, k = dX.Shape.Width, rows = dY.Shape.Rows / stack, products = sharedInput ? stack : 1;
        for (int i = 0; i < products; i++)
        {
            if (i > 0)
                tape.Stream.EndGroup();
            MatrixProduct.Run(tape, new MatMulArgs
            {
                A = dY.ValuesAt((long)i * rows * n), StrideA = (long)rows * n, LdA = n,
                B = weight.ValuesAt((long)i * n * k), StrideB = (long)n * k, LdB = k,
                C = dX.Values, StrideC = (long)rows * k, LdC = k,
                M = rows, N = k, K = n, Batch = stack / products, Add = i > 0 ? 1 : add,
                Operands = dY.Type, Result = dX.Type,
            });
        }
    }

    // Rounds the gradient of an fp32 result to bf16, for a product with bf16 operands.
    private static Tensor Narrow(Tape tape, in Tensor x)
    {
        var y = tape.Scratch(x.Shape, ElementType.BFloat16);
        tape.Touches("fp32 -> bf16", Touch.Read(x), Touch.Write(y));
        tape.Stream.Run(NarrowKernels.Round, new NarrowArgs { X = x.Floats, Y = y.Values, Count = x.Shape.Count });
        return y;
    }
}
