using System.Numerics;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Softmax;

namespace VideoSim.Kernels.Losses;

/// <summary>The plain formulas: cosines [stack, samples, samples].</summary>
public static class ContrastiveLossReference
{
    /// <summary>Loss of each sample of the stack: half the cross-entropy of its row and half that of its column.</summary>
    public static T[] Forward<T>(T[] cosines, int samples, T sharpness) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var byRow = SoftmaxReference.Forward(cosines, samples, sharpness);
        var byColumn = SoftmaxReference.Forward(Transpose(cosines, samples), samples, sharpness);
        var loss = new T[cosines.Length / Math.Max(1, samples)];
        for (int i = 0; i < loss.Length; i++)
        {
            int diagonal = i * samples + i % samples;
            loss[i] = -(T.Log(byRow[diagonal]) + T.Log(byColumn[diagonal])) / T.CreateChecked(2);
        }
        return loss;
    }

    /// <summary>Gradient of the sum of all losses.</summary>
    public static T[] Backward<T>(T[] cosines, int samples, T sharpness) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var byRow = SoftmaxReference.Forward(cosines, samples, sharpness);
        var byColumn = Transpose(SoftmaxReference.Forward(Transpose(cosines, samples), samples, sharpness), samples);
        var dCosines = new T[cosines.Length];
        for (int i = 0; i < cosines.Length; i++)
        {
            var target = i / samples % samples == i % samples ? T.One : T.Zero;
            dCosines[i] = sharpness * (byRow[i] + byColumn[i] - target - target) / T.CreateChecked(2);
        }
        return dCosines;
    }

    private static T[] Transpose<T>(T[] x, int n)
    {
        var y = new T[x.Length];
        for (int i = 0; i < x.Length; i++)
            y[i / (n * n) * n * n + i % n * n + i / n % n] = x[i];
        return y;
    }
}

/// <summary>Checks of <see cref="ContrastiveLossKernels"/>.</summary>
public static unsafe class ContrastiveLossChecks
{
    private const float Temperature = 0.07f, Scale = 0.3f;

    private static readonly (int Stack, int Samples)[] Shapes = [(1, 1), (3, 5), (2, 17), (1, 32), (3, 0), (2, 45)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new(ContrastiveLossKernels.Forward, static () => Shapes.Select(shape => Case(ElementType.Float32, shape.Stack, shape.Samples, backward: false))),
        .. KernelCheck.OfPair(ContrastiveLossKernels.Backward, static precision => Shapes.Select(shape => Case(precision, shape.Stack, shape.Samples, backward: true))),
    ];

    private static CheckCase Case(ElementType precision, int stack, int samples, bool backward)
    {
        var builder = new CheckBuilder((ulong)(stack + 10 * samples), precision);
        var cosines = builder.Input("cosines", stack * samples * samples, -0.5f, 0.5f);
        var statistics = builder.Workspace("statistics", 4 * stack * samples);
        var loss = backward ? builder.Workspace("loss", stack * samples) : builder.Output("loss", stack * samples);
        var dCosines = builder.ValueOutput("dCosines", backward ? stack * samples * samples : 0);
        return builder.Build($"stack {stack}, {samples} samples", launcher =>
        {
            var args = new ContrastiveLossArgs
            {
                Cosines = cosines.Floats, Statistics = statistics.Floats, Loss = loss.Floats, dCosines = dCosines.Values, Stack = stack, N = samples,
                Sharpness = 1 / Temperature, Scale = Scale,
            };
            launcher.Run(ContrastiveLossKernels.Forward, args);
            if (backward)
                launcher.Run(ContrastiveLossKernels.Backward[precision], args);
        }, new Reference(samples, backward), backward ? 3 : 2);
    }

    private sealed class Reference(int samples, bool backward) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T sharpness = T.One / T.CreateChecked(Temperature), scale = T.CreateChecked(Scale);
            if (backward)
                values.Deliver("dCosines", [.. ContrastiveLossReference.Backward(values["cosines"], samples, sharpness).Select(d => d * scale)], 0);
            else
                ContrastiveLossReference.Forward(values["cosines"], samples, sharpness).CopyTo(values["loss"], 0);
        }
    }
}
