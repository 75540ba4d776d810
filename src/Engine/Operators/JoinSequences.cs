using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.JointSequence;

namespace VideoSim.Engine.Operators;

/// <summary>Two sequences of each item as one, with the key mask of both.</summary>
public static unsafe class JoinSequences
{
    private readonly record struct State(Tensor First, Tensor Second, Tensor Y);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Joins.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="first">[B, S, C]</param>
    /// <param name="firstMask">Which positions of the first count, Int32 [B, S]: 1 keeps.</param>
    /// <param name="second">[B, R, C]</param>
    /// <param name="secondCounts">How many positions of each second sequence count, from its begin, Int32 [B].</param>
    /// <returns>The sequence [B, S + R, C] and which of its positions count, Int32 [B, S + R].</returns>
    public static (Tensor Sequence, Tensor Mask) Forward(Tape tape, in Tensor first, in Tensor firstMask, in Tensor second, in Tensor secondCounts)
    {
        int b = first.Shape[0], s = first.Shape[1], r = second.Shape[1], c = first.Shape[2];
        if (second.Shape != new Shape(b, r, c) || second.Type != first.Type || firstMask.Shape.Count != (long)b * s || secondCounts.Shape.Count != b)
            throw new ArgumentException($"{first.Shape} with mask {firstMask.Shape} cannot be joined with {second.Shape} and counts {secondCounts.Shape}");
        var y = tape.Result(new Shape(b, s + r, c), first.Node >= 0 || second.Node >= 0, first.Type);
        var mask = tape.Scratch(new Shape(b, s + r), ElementType.Int32);
        tape.Touches("first, second -> sequence, its mask", Touch.Read(first), Touch.Read(firstMask), Touch.Read(second), Touch.Read(secondCounts), Touch.Write(y), Touch.Write(mask));
        tape.Stream.Run(JointSequenceKernels.Forward[first.Type], new JointSequenceArgs
        {
            Text = first.Values, Frames = second.Values, Y = y.Values, TextMask = firstMask.Ints, FrameCounts = secondCounts.Ints, Mask = mask.Ints,
            B = b, T = s, F = r, C = c,
        });
        tape.Record(BackwardRule, new State(first, second, y), y);
        return (y, mask);
    }

    private static void Backward(Tape tape, in State s)
    {
        var dFirst = tape.GradientToWrite(s.First, out int addFirst);
        var dSecond = tape.GradientToWrite(s.Second, out int addSecond);
        tape.Touches("d sequence -> d first, d second", Touch.Read(tape.GradientOf(s.Y)), Touch.Write(dFirst, addFirst), Touch.Write(dSecond, addSecond));
        tape.Stream.Run(JointSequenceKernels.Backward[s.Y.Type], new JointSequenceGradArgs
        {
            dY = tape.GradientOf(s.Y).Values, dText = dFirst.ValuesOrNull, dFrames = dSecond.ValuesOrNull,
            B = s.First.Shape[0], T = s.First.Shape[1], F = s.Second.Shape[1], C = s.First.Shape[2], AddText = addFirst, AddFrames = addSecond,
        });
    }
}
