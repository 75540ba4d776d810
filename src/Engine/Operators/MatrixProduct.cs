using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Operators;

/// <summary>Launches a matrix product: one kernel, or, where an operand is packed ahead, two for every part of k.</summary>
public static unsafe class MatrixProduct
{
    /// <summary>Runs a product on a stream.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="args">The product.</param>
    /// <param name="workspace">
    /// Room for <see cref="MatMulKernels.PackedElements"/> floats, all of which is taken; null where the device packs nothing ahead
    /// (<see cref="Device.PacksProducts"/>). The bits are the same either way.
    /// </param>
    public static void Run(ComputeStream stream, in MatMulArgs args, Arena? workspace)
    {
        long elements = workspace is null ? 0 : MatMulKernels.PackedElements(args);
        if (elements == 0)
        {
            stream.Run(MatMulKernels.Multiply, args);
            return;
        }
        workspace!.Reset();
        var part = args with { Packed = workspace.Allocate(new Shape(checked((int)elements))).Floats };
        for (int parts = MatMulKernels.Parts(part); part.Part < parts; part.Part++)
        {
            stream.Run(MatMulKernels.Pack, part);
            stream.Run(MatMulKernels.Multiply, part);
        }
    }

    /// <summary>Runs a product in a step.</summary>
    internal static void Run(Tape tape, in MatMulArgs args) => Run(tape.Stream, args, tape.Workspace);
}
