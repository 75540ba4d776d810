using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>Bias gradients: column sums in fixed order.</summary>
internal static unsafe class ColumnSum
{
    /// <summary>Writes the sum over rows of <paramref name="x"/> [stack, rows, width] to <paramref name="y"/> [stack, width], which is fp32.</summary>
    public static void Write(Tape tape, in Tensor x, int stack, int rows, int width, in Tensor y, int add)
    {
        int chunks = ColumnSumKernels.Chunks(rows);
        var args = new ColumnSumArgs
        {
            X = x.Values, Y = y.Floats, Partial = tape.Scratch(new Shape(stack, chunks, width)).Floats,
            Stack = stack, Rows = rows, C = width, Chunks = chunks, Add = add,
        };
        tape.Touches("dY -> gradient of the bias", Touch.Read(x), Touch.Write(y, add));
        tape.Stream.Run(ColumnSumKernels.Partial[x.Type], args);
        tape.Stream.Run(ColumnSumKernels.Finish, args);
    }

    /// <summary>Parts that the rows are summed in.</summary>
    public static int Chunks(int rows) => ColumnSumKernels.Chunks(rows);

    /// <summary>Writes the sum over the chunks of <paramref name="partial"/> [chunks, width], which another kernel has summed, to <paramref name="y"/> [width].</summary>
    public static void Finish(Tape tape, in Tensor partial, in Tensor y, int add) => tape.Stream.Run(ColumnSumKernels.Finish, new ColumnSumArgs
    {
        Partial = partial.Floats, Y = y.Floats, Stack = 1, C = partial.Shape.Width, Chunks = partial.Shape[0], Add = add,
    });
}
