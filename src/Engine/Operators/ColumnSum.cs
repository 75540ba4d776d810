using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Bias gradients: column sums in fixed order. <see cref="Begin"/> launches the sums of chunks of rows. <see
/// cref="Finish"/> leaves their sum to the tape; it is called when the launches of <see cref="Begin"/> are not in an
/// open group.
/// </summary>
internal readonly struct ColumnSum
{
    private readonly Tensor _partial, _y;
    private readonly int _add;

    private ColumnSum(in Tensor partial, in Tensor y, int add) => (_partial, _y, _add) = (partial, y, add);

    /// <summary>
    /// Begins the sum over rows of <paramref name="x"/> [stack, rows, width] for <paramref name="y"/> [stack, width],
    /// which is fp32.
    /// </summary>
    public static unsafe ColumnSum Begin(Tape tape, in Tensor x, int stack, int rows, int width, in Tensor y, int add)
    {
        int chunks = ColumnSumKernels.Chunks(rows);
        var partial = tape.Scratch(new Shape(stack, chunks, width));
        tape.Touches("dY -> gradient of the bias", Touch.Read(x), Touch.Write(y, add));
        tape.Stream.Run(ColumnSumKernels.Partial[x.Type], new ColumnSumArgs { X = x.Values, Partial = partial.Floats, Stack = stack, Rows = rows, C = width, Chunks = chunks });
        return new ColumnSum(partial, y, add);
    }

    /// <summary>Leaves the sum to the tape as the gradient of a vector, if one was begun.</summary>
    public void Finish(Tape tape, in Tensor vector)
    {
        for (int i = 0; _y.Exists && i < _partial.Shape[0]; i++)
        {
            int chunks = _partial.Shape[1], width = _partial.Shape.Width;
            tape.SumLater(vector, _partial.Slice((long)i * chunks * width, new Shape(chunks, width)), _y.Slice((long)i * width, new Shape(width)), _add);
        }
    }
}
