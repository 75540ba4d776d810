using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.JointSequence;

namespace VideoSim.Engine.Operators;

/// <summary>Text and frames as one sequence, text first, with the key mask of both.</summary>
public static unsafe class JointSequence
{
    private readonly record struct State(Tensor Text, Tensor Frames, Tensor Y);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Joins.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="text">[B, T, C]</param>
    /// <param name="textMask">1 on real tokens, Int32 [B, T].</param>
    /// <param name="frames">[B, F, C]</param>
    /// <param name="frameCounts">How many frames are a video's own, Int32 [B].</param>
    /// <returns>The sequence [B, T + F, C] and which of its positions count, Int32 [B, T + F].</returns>
    public static (Tensor Sequence, Tensor Mask) Forward(Tape tape, in Tensor text, in Tensor textMask, in Tensor frames, in Tensor frameCounts)
    {
        int b = text.Shape[0], t = text.Shape[1], f = frames.Shape[1], c = text.Shape[2];
        if (frames.Shape != new Shape(b, f, c) || frames.Type != text.Type || textMask.Shape.Count != (long)b * t || frameCounts.Shape.Count != b)
            throw new ArgumentException($"text {text.Shape} with mask {textMask.Shape} cannot be joined with frames {frames.Shape} and counts {frameCounts.Shape}");
        var y = tape.Result(new Shape(b, t + f, c), text.Node >= 0 || frames.Node >= 0, text.Type);
        var mask = tape.Scratch(new Shape(b, t + f), ElementType.Int32);
        tape.Stream.Run(JointSequenceKernels.Forward[text.Precision], new JointSequenceArgs
        {
            Text = text.Values, Frames = frames.Values, Y = y.Values, TextMask = textMask.Ints, FrameCounts = frameCounts.Ints, Mask = mask.Ints,
            B = b, T = t, F = f, C = c,
        });
        tape.Record(BackwardRule, new State(text, frames, y), y);
        return (y, mask);
    }

    private static void Backward(Tape tape, in State s)
    {
        var dText = tape.GradientToWrite(s.Text, out int addText);
        var dFrames = tape.GradientToWrite(s.Frames, out int addFrames);
        tape.Stream.Run(JointSequenceKernels.Backward[s.Y.Precision], new JointSequenceGradArgs
        {
            dY = tape.GradientOf(s.Y).Values, dText = dText.ValuesOrNull, dFrames = dFrames.ValuesOrNull,
            B = s.Text.Shape[0], T = s.Text.Shape[1], F = s.Frames.Shape[1], C = s.Text.Shape[2], AddText = addText, AddFrames = addFrames,
        });
    }
}
