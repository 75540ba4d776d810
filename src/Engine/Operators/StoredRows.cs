using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Frames;

namespace VideoSim.Engine.Operators;

/// <summary>Rows that are stored in fp16, in the precision of the step; they are data, so there is no gradient.</summary>
public static unsafe class StoredRows
{
    /// <summary>Converts the rows of sequences, zeroed past the length of each, and computes the mean of each sequence.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="rows">fp16 [B, R, W]</param>
    /// <param name="counts">How many rows of each sequence count, Int32 [B].</param>
    /// <returns>The rows [B*R, W], zero past the count; and the mean of all R rows [B, W], fp32.</returns>
    public static (Tensor Masked, Tensor Mean) Mask(Tape tape, in Tensor rows, in Tensor counts)
    {
        int items = rows.Shape[0], perItem = rows.Shape[1], width = rows.Shape[2];
        if (counts.Shape.Count != items)
            throw new ArgumentException($"counts {counts.Shape} do not fit rows {rows.Shape}");
        var masked = tape.Scratch(new Shape(items * perItem, width), tape.Precision);
        var mean = tape.Scratch(new Shape(items, width));
        tape.Touches("stored rows -> rows, their mean", Touch.Read(rows), Touch.Read(counts), Touch.Write(masked), Touch.Write(mean));
        tape.Stream.Run(FramesKernels.Unpack[masked.Type], new FrameUnpackArgs
        {
            Stored = rows.Halves, Counts = counts.Ints, Masked = masked.Values, Mean = mean.Floats,
            Videos = items, FramesPerVideo = perItem, Width = width,
        });
        return (masked, mean);
    }

    /// <summary>Converts all rows, those past the length of a sequence too: fp16 [B, R, W] to [B*R, W].</summary>
    public static Tensor Widen(Tape tape, in Tensor rows)
    {
        var y = tape.Scratch(new Shape(rows.Shape.Rows, rows.Shape.Width), tape.Precision);
        tape.Touches("stored rows -> rows", Touch.Read(rows), Touch.Write(y));
        tape.Stream.Run(FramesKernels.Widen[y.Type], new FrameWidenArgs { Stored = rows.Halves, Y = y.Values, Rows = y.Shape[0], Width = y.Shape[1] });
        return y;
    }
}
