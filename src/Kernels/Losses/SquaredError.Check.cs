using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Losses;

/// <summary>Checks of <see cref="SquaredErrorKernels"/>: nothing, one element, ragged ends, whole chunks and past one, overwriting and adding.</summary>
public static unsafe class SquaredErrorChecks
{
    private const float Scale = 0.3f;

    private static readonly int[] Counts = [0, 1, 13, 264, SquaredErrorKernels.BlockElements, SquaredErrorKernels.BlockElements + 5];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(SquaredErrorKernels.Forward, static precision => Counts.Select(count => Forward(precision, count))),
        .. KernelCheck.OfPair(SquaredErrorKernels.Backward, static precision => from count in Counts from add in new[] { 0, 1 } select Backward(precision, count, add)),
    ];

    private static CheckCase Forward(ElementType precision, int count)
    {
        var builder = new CheckBuilder((ulong)count, precision);
        var (x, targets) = (builder.ValueInput("x", count, -2, 2), builder.Input("targets", count));
        var loss = builder.Output("loss", SquaredErrorKernels.Chunks(count));
        return builder.Build($"{count} elements", launcher => launcher.Run(SquaredErrorKernels.Forward[precision],
            new SquaredErrorArgs { X = x.Values, Targets = targets.Floats, Loss = loss.Floats, Count = count }), new Reference(), 2);
    }

    private static CheckCase Backward(ElementType precision, int count, int add)
    {
        var builder = new CheckBuilder((ulong)count, precision);
        var (x, targets, dX) = (builder.ValueInput("x", count, -2, 2), builder.Input("targets", count), builder.ValueGradient("dX", count, add));
        return builder.Build($"{count} elements, add {add}", launcher => launcher.Run(SquaredErrorKernels.Backward[precision], new SquaredErrorGradArgs
        {
            X = x.Values, Targets = targets.Floats, dX = dX.Values, Count = count, Scale = Scale, Add = add,
        }), new GradReference(add), 3);
    }

    private sealed class Reference : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] x = values["x"], targets = values["targets"], loss = values["loss"];
            Array.Clear(loss);
            for (int i = 0; i < x.Length; i++)
                loss[i / SquaredErrorKernels.BlockElements] += (x[i] - targets[i]) * (x[i] - targets[i]);
        }
    }

    private sealed class GradReference(int add) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T> =>
            values.Deliver("dX", [.. values["x"].Zip(values["targets"], static (x, target) => T.CreateChecked(Scale) * (x - target))], add);
    }
}
