using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Frames;

/// <summary>Arguments of <see cref="FramesKernels.Unpack"/>.</summary>
public unsafe struct FrameUnpackArgs
{
    /// <summary>[Videos, FramesPerVideo, Width] as stored: fp16.</summary>
    public Half* Stored;

    /// <summary>[Videos]: how many frames are the video's own; the rest repeats the last one.</summary>
    public int* Counts;

    /// <summary>[Videos, FramesPerVideo, Width]: 0 where the frame is not the video's own.</summary>
    public void* Masked;

    /// <summary>[Videos, Width]: the mean over all frames, repeated ones included.</summary>
    public float* Mean;

    /// <summary>Sizes.</summary>
    public int Videos, FramesPerVideo, Width;
}

/// <summary>Arguments of <see cref="FramesKernels.Widen"/>.</summary>
public unsafe struct FrameWidenArgs
{
    /// <summary>[Rows, Width] as stored: fp16.</summary>
    public Half* Stored;

    /// <summary>[Rows, Width]</summary>
    public void* Y;

    /// <summary>Sizes; a row is a frame.</summary>
    public int Rows, Width;
}

/// <summary>From frames as they are stored to what the model reads: masked frames in fp32 or bf16, and their unmasked mean.</summary>
public static unsafe partial class FramesKernels
{
    private const int Threads = 128, Columns = 8 * Threads; // of a CUDA block: 16 bytes of stored values each

    private static readonly KernelFile File = new("frames", "Frames.cu", $"THREADS={Threads}");

    /// <summary>Unpacks, masks and averages. Items: videos.</summary>
    public static readonly KernelPair<FrameUnpackArgs> Unpack = new("frame_unpack", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in FrameUnpackArgs a, in DeviceLimits _) => new(a.Videos, Threads, GridY: (a.Width + Columns - 1) / Columns),
        CountItems = static (in FrameUnpackArgs a) => a.Videos,
        Twin = precision == ElementType.Float32 ? UnpackVideos : null,
        CountCost = (in FrameUnpackArgs a) =>
        {
            double elements = (double)a.Videos * a.FramesPerVideo * a.Width;
            return new(elements, (2.0 + precision.Size()) * elements + (double)a.Videos * (sizeof(float) * a.Width + sizeof(int)));
        },
    });

    /// <summary>All frames as they are, repeated ones included. Items: frames.</summary>
    public static readonly KernelPair<FrameWidenArgs> Widen = new("frame_widen", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in FrameWidenArgs a, in DeviceLimits _) => new(checked((int)(((long)a.Rows * a.Width + Columns - 1) / Columns)), Threads),
        CountItems = static (in FrameWidenArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? WidenRows : null,
        CountCost = (in FrameWidenArgs a) => new(0, (2.0 + precision.Size()) * a.Rows * a.Width),
    });
}
