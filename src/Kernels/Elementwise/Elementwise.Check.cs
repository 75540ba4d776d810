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
        .. KernelCheck.OfPair(ElementwiseKernels.Add, static precision => Counts.Select(count => Forward(ElementwiseKernels.Add[precision], precision, count, new Sum()))),
        .. KernelCheck.OfPair(ElementwiseKernels.Multiply,
            static precision => Counts.Select(count => Forward(ElementwiseKernels.Multiply[precision], precision, count, new Product()))),
        .. KernelCheck.OfPair(ElementwiseKernels.AddBackward, static precision => from count in Counts from which in Variants select SumBackward(precision, count, which)),
        .. KernelCheck.OfPair(ElementwiseKernels.MultiplyBackward, static precision => from count in Counts from which in Variants select ProductBackward(precision, count, which)),
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
        public void Deliver<T>(CheckValues<T> values, Func<T[]> dA, Func<T[]> dB) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            if (A != 0)
                values.Deliver("dA", dA(), AddA);
            if (OfOne)
                values.Stored(values["dA"]);
            if (B != 0)
                values.Deliver(OfOne ? "dA" : "dB", dB(), AddB);
        }

        public override string ToString() => OfOne ? "one tensor" : $"gradients {A} {B}, add {AddA} {AddB}";
    }

    private static CheckCase Forward(Kernel<ElementwiseArgs> kernel, ElementType precision, int count, ICheckReference reference)
    {
        var builder = new CheckBuilder((ulong)count, precision);
        var (a, b, y) = (builder.ValueInput("a", count), builder.ValueInput("b", count, -3, 3), builder.ValueOutput("y", count));
        return builder.Build($"{count} elements", launcher => launcher.Run(kernel,
            new ElementwiseArgs { A = a.Values, B = b.Values, Y = y.Values, Count = count }), reference, 2);
    }

    private static CheckCase SumBackward(ElementType precision, int count, Gradients which)
    {
        var builder = new CheckBuilder((ulong)count, precision);
        var dY = builder.ValueInput("dY", count);
        var (dA, dB) = which.In(builder, count);
        return builder.Build($"{count} elements, {which}", launcher => launcher.Run(ElementwiseKernels.AddBackward[precision], new AddGradArgs
        {
            dY = dY.Values, dA = Address(dA), dB = Address(dB), Count = count, AddA = which.AddA, AddB = which.AddB,
        }), new SumGradients(which), 3) with
        {
            OtherBytes = which.OtherBytes,
        };
    }

    private static CheckCase ProductBackward(ElementType precision, int count, Gradients which)
    {
        var builder = new CheckBuilder((ulong)count, precision);
        var (a, dY) = (builder.ValueInput("a", count), builder.ValueInput("dY", count));
        var b = which.OfOne ? a : builder.ValueInput("b", count, -3, 3);
        var (dA, dB) = which.In(builder, count);
        return builder.Build($"{count} elements, {which}", launcher => launcher.Run(ElementwiseKernels.MultiplyBackward[precision], new MultiplyGradArgs
        {
            A = a.Values, B = b.Values, dY = dY.Values, dA = Address(dA), dB = Address(dB), Count = count, AddA = which.AddA, AddB = which.AddB,
        }), new ProductGradients(which), 3) with
        {
            OtherBytes = which.OtherBytes,
        };
    }

    private static void* Address(CheckBuffer? buffer) => buffer == null ? null : buffer.Values;

    private static T[] Times<T>(T[] a, T[] b) where T : struct, IBinaryFloatingPointIeee754<T> => [.. a.Zip(b, static (a, b) => a * b)];

    private sealed class Sum : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            values["a"].Zip(values["b"], static (a, b) => a + b).ToArray().CopyTo(values["y"], 0);
    }

    private sealed class Product : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> => Times(values["a"], values["b"]).CopyTo(values["y"], 0);
    }

    private sealed class SumGradients(Gradients which) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> => which.Deliver(values, () => values["dY"], () => values["dY"]);
    }

    private sealed class ProductGradients(Gradients which) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            which.Deliver(values, () => Times(values["dY"], values[which.OfOne ? "a" : "b"]), () => Times(values["dY"], values["a"]));
    }
}
