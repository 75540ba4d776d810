using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Operators;

/// <summary>Launches a matrix product: one kernel, or two for every part of k if an operand is packed first.</summary>
public static unsafe class MatrixProduct
{
    /// <summary>Runs a product on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="args">The product.</param>
    /// <param name="workspace">
    /// Memory for <see cref="MatMulKernels.PackedElements"/> floats; the product uses all of it. Null if the device
    /// packs nothing (<see cref="Device.PacksProducts"/>). The bits are the same in both cases.
    /// </param>
    public static void Run(ComputeStream stream, in MatMulArgs args, Arena? workspace)
    {
        long elements = workspace is null ? 0 : MatMulKernels.PackedElements(args);
        if (elements == 0)
        {
            stream.Run(MatMulKernels.Multiply, args);
            return;
        }
        stream.EndGroup(); // the launches below depend on each other, and the next product uses the same workspace
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
