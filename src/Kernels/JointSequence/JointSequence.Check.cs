using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.JointSequence;

/// <summary>The plain formulas.</summary>
public static class JointSequenceReference
{
    /// <summary>[b, t, c] and [b, f, c] to [b, t + f, c].</summary>
    public static T[] Join<T>(T[] text, T[] frames, int b, int t, int f, int c)
    {
        var y = new T[b * (t + f) * c];
        for (int i = 0; i < y.Length; i++)
        {
            var (isText, element) = Find(i, t, f, c);
            y[i] = (isText ? text : frames)[element];
        }
        return y;
    }

    /// <summary>Gradients of both inputs.</summary>
    public static (T[] Text, T[] Frames) Split<T>(T[] dY, int b, int t, int f, int c)
    {
        T[] text = new T[b * t * c], frames = new T[b * f * c];
        for (int i = 0; i < dY.Length; i++)
        {
            var (isText, element) = Find(i, t, f, c);
            (isText ? text : frames)[element] = dY[i];
        }
        return (text, frames);
    }

    /// <summary>Which positions count.</summary>
    public static int[] Mask(int[] textMask, int[] frameCounts, int t, int f) =>
        [.. Enumerable.Range(0, frameCounts.Length * (t + f)).Select(i =>
        {
            var (isText, position) = Find(i, t, f, 1);
            return isText ? textMask[position] : position % f < frameCounts[position / f] ? 1 : 0;
        })];

    private static (bool IsText, int Element) Find(int element, int t, int f, int c)
    {
        int video = element / ((t + f) * c), inside = element % ((t + f) * c);
        return inside < t * c ? (true, video * t * c + inside) : (false, video * f * c + inside - t * c);
    }
}

/// <summary>Checks of <see cref="JointSequenceKernels"/>.</summary>
public static unsafe class JointSequenceChecks
{
    private static readonly (int B, int T, int F, int C)[] Shapes = [(1, 1, 1, 1), (3, 5, 4, 13), (2, 7, 9, 16), (2, 3, 2, 131), (0, 3, 2, 8), (1, 2, 1, 1010)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(JointSequenceKernels.Forward, static precision => Shapes.Select(s => Forward(precision, s.B, s.T, s.F, s.C))),
        .. KernelCheck.OfPair(JointSequenceKernels.Backward, static precision =>
        [
            .. from s in Shapes from add in new[] { (Text: 0, Frames: 0), (Text: 1, Frames: 0), (Text: 0, Frames: 1) } select Backward(precision, s, add.Text, add.Frames),
            Backward(precision, Shapes[1], 1, 0, ofFrames: false), Backward(precision, Shapes[1], 0, 1, ofText: false),
        ]),
    ];

    private static CheckCase Forward(ElementType precision, int b, int t, int f, int c)
    {
        var builder = new CheckBuilder(seed: 41, precision);
        var (text, frames) = (builder.ValueInput("text", (long)b * t * c), builder.ValueInput("frames", (long)b * f * c));
        var textMask = builder.Integers("textMask", [.. Enumerable.Range(0, b * t).Select(i => i % t <= i / t ? 1 : 0)]);
        var counts = builder.Integers("counts", [.. Enumerable.Range(0, b).Select(video => Math.Max(1, f - 2 * video))]);
        var (y, mask) = (builder.ValueOutput("y", (long)b * (t + f) * c), builder.IntegerOutput("mask", b * (t + f)));
        return builder.Build($"B {b}, T {t}, F {f}, C {c}", launcher => launcher.Run(JointSequenceKernels.Forward[precision], new JointSequenceArgs
        {
            Text = text.Values, Frames = frames.Values, Y = y.Values, TextMask = textMask.Ints, FrameCounts = counts.Ints, Mask = mask.Ints,
            B = b, T = t, F = f, C = c,
        }), new ForwardReference(b, t, f, c), factor: 2);
    }

    private static CheckCase Backward(ElementType precision, (int B, int T, int F, int C) shape, int addText, int addFrames, bool ofText = true, bool ofFrames = true)
    {
        var (b, t, f, c) = shape;
        var builder = new CheckBuilder(seed: 42, precision);
        var dY = builder.ValueInput("dY", (long)b * (t + f) * c);
        var dText = ofText ? builder.ValueGradient("dText", (long)b * t * c, addText) : null;
        var dFrames = ofFrames ? builder.ValueGradient("dFrames", (long)b * f * c, addFrames) : null;
        return builder.Build($"B {b}, T {t}, F {f}, C {c}, add {addText} {addFrames}{(ofText ? "" : ", no text")}{(ofFrames ? "" : ", no frames")}", launcher => launcher.Run(JointSequenceKernels.Backward[precision], new JointSequenceGradArgs
        {
            dY = dY.Values, dText = dText == null ? null : dText.Values, dFrames = dFrames == null ? null : dFrames.Values,
            B = b, T = t, F = f, C = c, AddText = addText, AddFrames = addFrames,
        }), new BackwardReference(shape, addText, addFrames, ofText, ofFrames), factor: 3) with
        {
            SpareBlocks = b > 0 && !(ofText && ofFrames) ? "there is a block for every position, also of a gradient that is not wanted" : null,
        };
    }

    private sealed class ForwardReference(int b, int t, int f, int c) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            JointSequenceReference.Join(values["text"], values["frames"], b, t, f, c).CopyTo(values["y"], 0);
            JointSequenceReference.Mask(values.Ints("textMask"), values.Ints("counts"), t, f).CopyTo(values.Ints("mask"), 0);
        }
    }

    private sealed class BackwardReference((int B, int T, int F, int C) s, int addText, int addFrames, bool ofText, bool ofFrames) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var (text, frames) = JointSequenceReference.Split(values["dY"], s.B, s.T, s.F, s.C);
            if (ofText)
                values.Deliver("dText", text, addText);
            if (ofFrames)
                values.Deliver("dFrames", frames, addFrames);
        }
    }
}
