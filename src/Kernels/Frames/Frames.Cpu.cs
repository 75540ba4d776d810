using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Frames;

public static unsafe partial class FramesKernels
{
    private static void UnpackVideos(in FrameUnpackArgs a, int from, int to)
    {
        int whole = a.Width / Lanes.Count * Lanes.Count;
        for (int video = from; video < to; video++)
        {
            long first = (long)video * a.FramesPerVideo * a.Width;
            var stored = a.Stored + first;
            float* masked = (float*)a.Masked + first, mean = a.Mean + (long)video * a.Width;
            new Span<float>(mean, a.Width).Clear();
            for (int frame = 0; frame < a.FramesPerVideo; frame++, stored += a.Width, masked += a.Width)
            {
                bool own = frame < a.Counts[video];
                for (int i = 0; i < whole; i += Lanes.Count)
                {
                    var value = ToSingle(Vector256.Load((ushort*)stored + i));
                    (Vector512.Load(mean + i) + value).Store(mean + i);
                    (own ? value : Vector512<float>.Zero).Store(masked + i);
                }
                for (int i = whole; i < a.Width; i++)
                {
                    float value = (float)stored[i];
                    mean[i] += value;
                    masked[i] = own ? value : 0;
                }
            }
            float scale = 1f / a.FramesPerVideo;
            for (int i = 0; i < a.Width; i++)
                mean[i] *= scale;
        }
    }

    private static void WidenRows(in FrameWidenArgs a, int from, int to)
    {
        int whole = a.Width / Lanes.Count * Lanes.Count;
        for (int row = from; row < to; row++)
        {
            var stored = a.Stored + (long)row * a.Width;
            float* y = (float*)a.Y + (long)row * a.Width;
            for (int i = 0; i < whole; i += Lanes.Count)
                ToSingle(Vector256.Load((ushort*)stored + i)).Store(y + i);
            for (int i = whole; i < a.Width; i++)
                y[i] = (float)stored[i];
        }
    }

    private const float BiasShift = 5.192296858534828e33f; // 2^112

    // Sign, exponent and fraction are shifted to their places. The product with 2^112 corrects the bias of the
    // exponent and turns fp16's denormal numbers into normal ones. Infinities and NaN get their exponent by an OR.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ToSingle(Vector256<ushort> halves)
    {
        var bits = Vector512.WidenLower(halves.ToVector512Unsafe());
        var magnitude = (bits & Vector512.Create(0x7fffu)) << 13;
        var value = magnitude.AsSingle() * BiasShift;
        var special = Vector512.GreaterThanOrEqual(magnitude.AsInt32(), Vector512.Create(0x7c00 << 13)).AsUInt32() & Vector512.Create(0x7f800000u);
        return (value.AsUInt32() | special | (bits & Vector512.Create(0x8000u)) << 16).AsSingle();
    }
}
