using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Elementwise;

/// <summary>Checks of <see cref="ElementwiseKernels"/>: nothing, one element, ragged ends, whole blocks and past one, either gradient alone, both in one place.</summary>
public static unsafe class ElementwiseChecks
{
    private static readonly int[] Counts = [0, 1, 13, 64, ElementwiseKernels.BlockElements, ElementwiseKernels.BlockElements + 5];

    // Which gradients there are and which are added to. Of one tensor that is both inputs, there is one gradient.
    private static readonly Gradients[] Variants = [new(1, 1, 0, 0), new(1, 1, 1, 0), new(1, 1, 0, 1), new(1, 0, 0, 0), new(0, 1, 0, 1), new(1, 1, 0, 1, OfOne: true)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. Of(ElementwiseKernels.Add, ElementwiseKernels.AddBackward, new Sum()),
        .. Of(ElementwiseKernels.Multiply, ElementwiseKernels.MultiplyBackward, new Product()),
        .. Of(ElementwiseKernels.Gate, ElementwiseKernels.GateBackward, new Gate()),
    ];

    private static IEnumerable<KernelCheck> Of(KernelPair<ElementwiseArgs> forward, KernelPair<ElementwiseGradArgs> backward, IFormula formula) =>
    [
        .. KernelCheck.OfPair(forward, precision => Counts.Select(count => Forward(forward[precision], precision, count, formula))),
        .. KernelCheck.OfPair(backward, precision => from count in Counts from which in Variants select Backward(backward[precision], precision, count, which, formula)),
    ];

    private sealed record Gradients(int A, int B, int AddA, int AddB, bool OfOne = false)
    {
        public string? OtherBytes => OfOne ? "both inputs are one tensor, which is read once, and both gradients are one" : null;

        // Buffers of both gradients, or none.
        public (CheckBuffer? A, CheckBuffer? B) In(CheckBuilder builder, int count)
        {
            var dA = A == 0 ? null : builder.ValueGradient("dA", count, AddA);
            return (dA, OfOne ? dA : B == 0 ? null : builder.ValueGradient("dB", count, AddB));
        }

        // Both are stored, one after the other, in one place or in two.
        public void Deliver<T>(CheckValues<T> values, IEnumerable<T> dA, IEnumerable<T> dB) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            if (A != 0)
                values.Deliver("dA", [.. dA], AddA);
            if (OfOne)
                values.Stored(values["dA"]);
            if (B != 0)
                values.Deliver(OfOne ? "dA" : "dB", [.. dB], AddB);
        }

        public override string ToString() => OfOne ? "one tensor" : $"gradients {A} {B}, add {AddA} {AddB}";
    }

    private static CheckCase Forward(Kernel<ElementwiseArgs> kernel, ElementType precision, int count, IFormula formula)
    {
        var builder = new CheckBuilder((ulong)count, precision);
        var (a, b, y) = (builder.ValueInput("a", count), builder.ValueInput("b", count, -6, 6), builder.ValueOutput("y", count));
        return builder.Build($"{count} elements", launcher => launcher.Run(kernel,
            new ElementwiseArgs { A = a.Values, B = b.Values, Y = y.Values, Count = count }), new Reference(formula), 2);
    }

    private static CheckCase Backward(Kernel<ElementwiseGradArgs> kernel, ElementType precision, int count, Gradients which, IFormula formula)
    {
        var builder = new CheckBuilder((ulong)count, precision);
        var (a, dY) = (builder.ValueInput("a", count, -6, 6), builder.ValueInput("dY", count));
        var b = which.OfOne ? a : builder.ValueInput("b", count, -6, 6);
        var (dA, dB) = which.In(builder, count);
        return builder.Build($"{count} elements, {which}", launcher => launcher.Run(kernel, new ElementwiseGradArgs
        {
            A = a.Values, B = b.Values, dY = dY.Values, dA = Address(dA), dB = Address(dB), Count = count, AddA = which.AddA, AddB = which.AddB,
        }), new GradReference(formula, which), 3) with
        {
            OtherBytes = which.OtherBytes,
        };
    }

    private static void* Address(CheckBuffer? buffer) => buffer == null ? null : buffer.Values;

    // A function of two numbers and its gradients.
    private interface IFormula
    {
        T Value<T>(T a, T b) where T : struct, IBinaryFloatingPointIeee754<T>;

        T GradientOfA<T>(T a, T b, T dY) where T : struct, IBinaryFloatingPointIeee754<T>;

        T GradientOfB<T>(T a, T b, T dY) where T : struct, IBinaryFloatingPointIeee754<T>;
    }

    private sealed class Sum : IFormula
    {
        public T Value<T>(T a, T b) where T : struct, IBinaryFloatingPointIeee754<T> => a + b;

        public T GradientOfA<T>(T a, T b, T dY) where T : struct, IBinaryFloatingPointIeee754<T> => dY;

        public T GradientOfB<T>(T a, T b, T dY) where T : struct, IBinaryFloatingPointIeee754<T> => dY;
    }

    private sealed class Product : IFormula
    {
        public T Value<T>(T a, T b) where T : struct, IBinaryFloatingPointIeee754<T> => a * b;

        public T GradientOfA<T>(T a, T b, T dY) where T : struct, IBinaryFloatingPointIeee754<T> => dY * b;

        public T GradientOfB<T>(T a, T b, T dY) where T : struct, IBinaryFloatingPointIeee754<T> => dY * a;
    }

    private sealed class Gate : IFormula
    {
        public T Value<T>(T a, T b) where T : struct, IBinaryFloatingPointIeee754<T> => a * Sigmoid(b);

        public T GradientOfA<T>(T a, T b, T dY) where T : struct, IBinaryFloatingPointIeee754<T> => dY * Sigmoid(b);

        public T GradientOfB<T>(T a, T b, T dY) where T : struct, IBinaryFloatingPointIeee754<T> => dY * a * Sigmoid(b) * (T.One - Sigmoid(b));

        private static T Sigmoid<T>(T x) where T : struct, IBinaryFloatingPointIeee754<T> => T.One / (T.One + T.Exp(-x));
    }

    private sealed class Reference(IFormula formula) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            values["a"].Zip(values["b"], formula.Value).ToArray().CopyTo(values["y"], 0);
    }

    private sealed class GradReference(IFormula formula, Gradients which) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var inputs = values["a"].Zip(values[which.OfOne ? "a" : "b"], values["dY"]);
            which.Deliver(values, inputs.Select(x => formula.GradientOfA(x.First, x.Second, x.Third)), inputs.Select(x => formula.GradientOfB(x.First, x.Second, x.Third)));
        }
    }
}
