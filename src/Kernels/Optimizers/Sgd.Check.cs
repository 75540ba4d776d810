using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Optimizers;

/// <summary>Checks of <see cref="SgdKernels"/>: with and without momentum.</summary>
public static unsafe class SgdChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new(SgdKernels.Update, static () => from momentum in new[] { 0.9f, 0 } from block in ParameterBlockCheck.Cases select Case(block.Name, block.Block, momentum)),
    ];

    private static CheckCase Case(string name, ParameterBlockCheck block, float momentum)
    {
        var velocity = block.Builder.InOut("velocity", block.Size);
        return block.Builder.Build($"{name}, momentum {momentum}", launcher => launcher.Run(SgdKernels.Update, new SgdArgs
        {
            Velocity = velocity.Floats, Parameters = block.Parameters(), Momentum = momentum,
        }), new Reference(block, momentum), factor: 2);
    }

    private sealed class Reference(ParameterBlockCheck block, float momentum) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var v = values["velocity"];
            block.Update(values, (i, w, g, rate, _) =>
            {
                v[i] = T.CreateChecked(momentum) * v[i] + g;
                return w - rate * v[i];
            });
        }
    }
}
