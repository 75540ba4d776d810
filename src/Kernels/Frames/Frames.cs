using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Frames;

/// <summary>Arguments of <see cref="Frames.Unpack"/>.</summary>
public unsafe struct FrameUnpackArgs
{
    /// <summary>[Videos, FramesPerVideo, Width] as stored: fp16.</summary>
    public Half* Stored;

    /// <summary>[Videos]: how many frames are the video's own; the rest repeats the last one.</summary>
    public int* Counts;

    /// <summary>[Videos, FramesPerVideo, Width]: 0 where the frame is not the video's own.</summary>
    public float* Masked;

    /// <summary>[Videos, Width]: the mean over all frames, repeated ones included.</summary>
    public float* Mean;

    /// <summary>Sizes.</summary>
    public int Videos, FramesPerVideo, Width;
}

/// <summary>Arguments of <see cref="Frames.Widen"/>.</summary>
public unsafe struct FrameWidenArgs
{
    /// <summary>[Rows, Width] as stored: fp16.</summary>
    public Half* Stored;

    /// <summary>[Rows, Width]</summary>
    public float* Y;

    /// <summary>Sizes; a row is a frame.</summary>
    public int Rows, Width;
}

/// <summary>From frames as they are stored to what the model reads: masked fp32 frames, and their unmasked mean.</summary>
public static unsafe partial class Frames
{
    private const string File = "Frames.cu";
    private const int Threads = 128; // a column each, or 4 neighbouring elements

    private static readonly string[] Macros = [$"THREADS={Threads}"];

    /// <summary>Unpacks, masks and averages. Items: videos.</summary>
    public static readonly Kernel<FrameUnpackArgs> Unpack = new("frame_unpack_f16")
    {
        Family = "frames",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in FrameUnpackArgs a, in DeviceLimits _) => new(a.Videos, Threads, GridY: (a.Width + Threads - 1) / Threads),
        CountItems = static (in FrameUnpackArgs a) => a.Videos,
        Twin = UnpackVideos,
        CountCost = static (in FrameUnpackArgs a) =>
        {
            double elements = (double)a.Videos * a.FramesPerVideo * a.Width;
            return new(elements, 6 * elements + 4.0 * a.Videos * (a.Width + 1));
        },
    };

    /// <summary>All frames as they are, repeated ones included. Items: frames.</summary>
    public static readonly Kernel<FrameWidenArgs> Widen = new("frame_widen_f16")
    {
        Family = "frames",
        Source = File,
        Defines = Macros,
        LaunchShape = static (in FrameWidenArgs a, in DeviceLimits _) => new(checked((int)(((long)a.Rows * a.Width + 4 * Threads - 1) / (4 * Threads))), Threads),
        CountItems = static (in FrameWidenArgs a) => a.Rows,
        Twin = WidenRows,
        CountCost = static (in FrameWidenArgs a) => new(0, 6.0 * a.Rows * a.Width),
    };
}
