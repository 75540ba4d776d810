using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Concat;

/// <summary>The plain formulas: left [stack, rows, leftC], right [rows, rightC], dropout factors or null.</summary>
public static class ConcatReference
{
    /// <summary>[stack, rows, leftC + rightC]</summary>
    public static T[] Forward<T>(T[] left, T[] right, T[]? factors, int leftC, int rightC, int rows) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int width = leftC + rightC;
        var y = new T[left.Length / leftC * width];
        for (int at = 0; at < y.Length; at++)
        {
            int item = at / width, c = at % width;
            var value = c < leftC ? left[item * leftC + c] : right[item % rows * rightC + c - leftC];
            y[at] = factors is null ? value : value * factors[at];
        }
        return y;
    }

    /// <summary>Gradients of both inputs.</summary>
    public static (T[] Left, T[] Right) Backward<T>(T[] dY, T[]? factors, int leftC, int rightC, int rows) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int width = leftC + rightC;
        T[] dLeft = new T[dY.Length / width * leftC], dRight = new T[rows * rightC];
        for (int at = 0; at < dY.Length; at++)
        {
            int item = at / width, c = at % width;
            var value = factors is null ? dY[at] : dY[at] * factors[at];
            if (c < leftC)
                dLeft[item * leftC + c] = value;
            else
                dRight[item % rows * rightC + c - leftC] += value;
        }
        return (dLeft, dRight);
    }
}

/// <summary>Checks of <see cref="ConcatKernels"/>.</summary>
public static unsafe class ConcatChecks
{
    private sealed record Shape(int Stack, int Rows, int LeftC, int RightC, float DropProbability, BatchPart Part = default)
    {
        public int Count => Stack * Rows * (LeftC + RightC);

        public override string ToString() => $"stack {Stack}, {Rows} x ({LeftC} + {RightC}), drop {DropProbability}, {Part}";
    }

    private static readonly Shape[] Shapes =
        [new(1, 1, 1, 1, 0), new(3, 5, 7, 9, 0), new(3, 5, 7, 9, 0.2f), new(2, 3, 1030, 8, 0.5f), new(1, 2, 5, 0, 0.2f), new(3, 0, 4, 4, 0), new(2, 3, 2056, 24, 0.2f), new(3, 2, 12, 20, 0.5f),
        new(3, 4, 7, 2, 0.4f, new(18, 3, 1))];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(ConcatKernels.Forward, static precision => Shapes.Select(shape => Forward(precision, shape))),
        .. KernelCheck.OfPair(ConcatKernels.Backward, static precision =>
        [
            .. from shape in Shapes from add in new[] { (Left: 0, Right: 0), (Left: 1, Right: 0), (Left: 0, Right: 1) } select Backward(precision, shape, add.Left, add.Right),
            Backward(precision, Shapes[2], 1, 0, ofRight: false), Backward(precision, Shapes[2], 0, 1, ofLeft: false),
        ]),
    ];

    private static CheckCase Forward(ElementType precision, Shape shape)
    {
        var (stack, rows, leftC, rightC, _, _) = shape;
        var builder = new CheckBuilder((ulong)leftC, precision);
        var (left, right) = (builder.ValueInput("left", stack * rows * leftC), builder.ValueInput("right", rows * rightC));
        var y = builder.ValueOutput("y", stack * rows * (leftC + rightC));
        var dropout = builder.Dropout(shape.DropProbability, shape.Part);
        return builder.Build($"{shape}", launcher => launcher.Run(ConcatKernels.Forward[precision], new ConcatArgs
        {
            Left = left.Values, Right = right.Values, Y = y.Values, Dropout = dropout.Site, Stack = stack, Rows = rows, LeftC = leftC, RightC = rightC,
        }), new Reference(shape, dropout), 2);
    }

    private static CheckCase Backward(ElementType precision, Shape shape, int addLeft, int addRight, bool ofLeft = true, bool ofRight = true)
    {
        var (stack, rows, leftC, rightC, _, _) = shape;
        var builder = new CheckBuilder((ulong)leftC, precision);
        var dY = builder.ValueInput("dY", stack * rows * (leftC + rightC));
        var dLeft = ofLeft ? builder.ValueGradient("dLeft", stack * rows * leftC, addLeft) : null;
        var dRight = ofRight ? builder.ValueGradient("dRight", rows * rightC, addRight) : null;
        var dropout = builder.Dropout(shape.DropProbability, shape.Part);
        return builder.Build($"{shape}, add {addLeft} {addRight}{(ofLeft ? "" : ", no left")}{(ofRight ? "" : ", no right")}", launcher => launcher.Run(ConcatKernels.Backward[precision], new ConcatGradArgs
        {
            dY = dY.Values, dLeft = dLeft == null ? null : dLeft.Values, dRight = dRight == null ? null : dRight.Values, Dropout = dropout.Site,
            Stack = stack, Rows = rows, LeftC = leftC, RightC = rightC, AddLeft = addLeft, AddRight = addRight,
        }), new GradReference(shape, dropout, addLeft, addRight, ofLeft, ofRight), 3) with
        {
            SpareBlocks = rows > 0 && (rightC == 0 || !(ofLeft && ofRight)) ? "both sides have blocks, also a side that is empty or whose gradient is null" : null,
        };
    }

    private sealed class Reference(Shape shape, CheckDropout dropout) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            ConcatReference.Forward(values["left"], values["right"], dropout.Factors<T>(shape.Count), shape.LeftC, shape.RightC, shape.Rows).CopyTo(values["y"], 0);
    }

    private sealed class GradReference(Shape shape, CheckDropout dropout, int addLeft, int addRight, bool ofLeft, bool ofRight) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (dLeft, dRight) = ConcatReference.Backward(values["dY"], dropout.Factors<T>(shape.Count), shape.LeftC, shape.RightC, shape.Rows);
            if (ofLeft)
                values.Deliver("dLeft", dLeft, addLeft);
            if (ofRight)
                values.Deliver("dRight", dRight, addRight);
        }
    }
}
