using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Bias gradients: column sums in fixed order. <see cref="Begin"/> launches the sums of chunks of rows, and
/// <see cref="Finish(Tape)"/> their sum; launches that do not depend on them may be in between.
/// </summary>
internal readonly unsafe struct ColumnSum
{
    private readonly ColumnSumArgs _args;

    private ColumnSum(in ColumnSumArgs args) => _args = args;

    /// <summary>
    /// Begins the sum over rows of <paramref name="x"/> [stack, rows, width] for <paramref name="y"/> [stack, width],
    /// which is fp32.
    /// </summary>
    public static ColumnSum Begin(Tape tape, in Tensor x, int stack, int rows, int width, in Tensor y, int add)
    {
        int chunks = ColumnSumKernels.Chunks(rows);
        var args = new ColumnSumArgs
        {
            X = x.Values, Y = y.Floats, Partial = tape.Scratch(new Shape(stack, chunks, width)).Floats,
            Stack = stack, Rows = rows, C = width, Chunks = chunks, Add = add,
        };
        tape.Touches("dY -> gradient of the bias", Touch.Read(x), Touch.Write(y, add));
        tape.Stream.Run(ColumnSumKernels.Partial[x.Type], args);
        return new ColumnSum(args);
    }

    /// <summary>Writes the sum, if one was begun.</summary>
    public void Finish(Tape tape)
    {
        if (_args.Y != null)
            tape.Stream.Run(ColumnSumKernels.Finish, _args);
    }

    /// <summary>Number of parts in which the rows are summed.</summary>
    public static int Chunks(int rows) => ColumnSumKernels.Chunks(rows);

    /// <summary>
    /// Writes the sum over the chunks of <paramref name="partial"/> [chunks, width], which another kernel computed, to
    /// <paramref name="y"/> [width].
    /// </summary>
    public static void Finish(Tape tape, in Tensor partial, in Tensor y, int add) => tape.Stream.Run(ColumnSumKernels.Finish, new ColumnSumArgs
    {
        Partial = partial.Floats, Y = y.Floats, Stack = 1, C = partial.Shape.Width, Chunks = partial.Shape[0], Add = add,
    });
}
