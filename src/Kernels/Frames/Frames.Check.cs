using System.Numerics;
using System.Runtime.InteropServices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Frames;

/// <summary>The plain formulas.</summary>
public static class FrameReference
{
    /// <summary>Frames past the count become 0; the mean is over all of them.</summary>
    /// <param name="stored">[videos, frames, width]</param>
    /// <param name="counts">[videos]</param>
    /// <param name="frames">Frames of a video.</param>
    /// <param name="width">Width of a frame.</param>
    public static (T[] Masked, T[] Mean) Unpack<T>(ReadOnlySpan<Half> stored, int[] counts, int frames, int width)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] masked = new T[counts.Length * frames * width], mean = new T[counts.Length * width];
        for (int at = 0; at < masked.Length; at++)
        {
            int video = at / (frames * width), frame = at / width % frames;
            var value = T.CreateChecked(stored[at]);
            mean[video * width + at % width] += value / T.CreateChecked(frames);
            masked[at] = frame < counts[video] ? value : T.Zero;
        }
        return (masked, mean);
    }
}

/// <summary>Checks of <see cref="FramesKernels"/>.</summary>
public static unsafe class FrameChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(FramesKernels.Unpack, precision => [Case(precision, 1, 1, 1), Case(precision, 3, 5, 13), Case(precision, 2, 32, 16), Case(precision, 2, 3, 1033), Case(precision, 2, 3, 1032), Case(precision, 1, 2, 1024), Case(precision, 0, 3, 8)]),
        .. KernelCheck.OfPair(FramesKernels.Widen, precision => [WidenCase(precision, 1, 1), WidenCase(precision, 3, 13), WidenCase(precision, 7, 16), WidenCase(precision, 9, 131), WidenCase(precision, 2, 512), WidenCase(precision, 0, 8)]),
    ];

    private static CheckCase Case(ElementType precision, int videos, int frames, int width)
    {
        var builder = new CheckBuilder((ulong)(videos + 10 * width), precision);
        var stored = builder.Integers("stored", Halves(videos * frames * width));
        // The first video has all its frames, later ones fewer, down to a single one.
        var counts = builder.Integers("counts", [.. Enumerable.Range(0, videos).Select(v => Math.Max(1, frames - 2 * v))]);
        var (masked, mean) = (builder.ValueOutput("masked", videos * frames * width), builder.Output("mean", videos * width));
        return builder.Build($"{videos} videos of {frames} frames, width {width}", launcher => launcher.Run(FramesKernels.Unpack[precision],
            new FrameUnpackArgs
            {
                Stored = (Half*)stored.Address, Counts = counts.Ints, Masked = masked.Values, Mean = mean.Floats,
                Videos = videos, FramesPerVideo = frames, Width = width,
            }), new Reference(frames, width), 2);
    }

    private static CheckCase WidenCase(ElementType precision, int rows, int width)
    {
        var builder = new CheckBuilder(seed: 45, precision);
        var stored = builder.Integers("stored", Halves(rows * width));
        var y = builder.ValueOutput("y", rows * width);
        return builder.Build($"{rows} frames, width {width}", launcher => launcher.Run(FramesKernels.Widen[precision],
            new FrameWidenArgs { Stored = (Half*)stored.Address, Y = y.Values, Rows = rows, Width = width }), new WidenReference(), 2);
    }

    // Every sign, exponent and denormal number of fp16; not its infinities, which no frame may hold.
    private static int[] Halves(int count)
    {
        var halves = new Half[(count + 1) / 2 * 2];
        for (int i = 0; i < halves.Length; i++)
        {
            ushort bits = (ushort)(Philox.Bits(7, 0, 0, i) & 0xfbff); // exponent at most 30
            halves[i] = i % 3 == 0 ? BitConverter.UInt16BitsToHalf(bits) : (Half)(Philox.Uniform(8, 0, 0, i) * 2 - 1);
        }
        return MemoryMarshal.Cast<Half, int>(halves).ToArray();
    }

    // The fp16 frames come as pairs in integers.
    private sealed class Reference(int frames, int width) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var stored = MemoryMarshal.Cast<int, Half>(values.Ints("stored"));
            var (masked, mean) = FrameReference.Unpack<T>(stored, values.Ints("counts"), frames, width);
            masked.CopyTo(values["masked"], 0);
            mean.CopyTo(values["mean"], 0);
        }
    }

    private sealed class WidenReference : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var stored = MemoryMarshal.Cast<int, Half>(values.Ints("stored"));
            for (int i = 0; i < values["y"].Length; i++)
                values["y"][i] = T.CreateChecked(stored[i]);
        }
    }
}
