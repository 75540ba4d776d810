using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Frames;

namespace VideoSim.Engine.Operators;

/// <summary>Stored frames as models want them; data, so no gradient.</summary>
public static unsafe class FrameUnpack
{
    /// <summary>Converts frames to the step's values, once masked and once as their mean.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="frames">fp16 [B, F, W]</param>
    /// <param name="counts">How many frames are a video's own, Int32 [B].</param>
    /// <returns>Frames [B*F, W], zero past the count; and the mean of all F frames [B, W], fp32.</returns>
    public static (Tensor Masked, Tensor Mean) Forward(Tape tape, in Tensor frames, in Tensor counts)
    {
        int videos = frames.Shape[0], perVideo = frames.Shape[1], width = frames.Shape[2];
        if (counts.Shape.Count != videos)
            throw new ArgumentException($"counts {counts.Shape} do not fit frames {frames.Shape}");
        var masked = tape.Scratch(new Shape(videos * perVideo, width), tape.Values);
        var mean = tape.Scratch(new Shape(videos, width));
        tape.Stream.Run(FramesKernels.Unpack[masked.Precision], new FrameUnpackArgs
        {
            Stored = frames.Halves, Counts = counts.Ints, Masked = masked.Values, Mean = mean.Floats,
            Videos = videos, FramesPerVideo = perVideo, Width = width,
        });
        return (masked, mean);
    }

    /// <summary>Converts all frames to the step's values, the repeated ones too: fp16 [B, F, W] to [B*F, W].</summary>
    public static Tensor Widen(Tape tape, in Tensor frames)
    {
        var y = tape.Scratch(new Shape(frames.Shape.Rows, frames.Shape.Width), tape.Values);
        tape.Stream.Run(FramesKernels.Widen[y.Precision], new FrameWidenArgs { Stored = frames.Halves, Y = y.Values, Rows = y.Shape[0], Width = y.Shape[1] });
        return y;
    }
}
