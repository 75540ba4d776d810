using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.JointSequence;

/// <summary>Arguments of <see cref="JointSequenceKernels.Forward"/>.</summary>
public unsafe struct JointSequenceArgs
{
    /// <summary>[B, T, C]</summary>
    public void* Text;

    /// <summary>[B, F, C]</summary>
    public void* Frames;

    /// <summary>[B, T + F, C]</summary>
    public void* Y;

    /// <summary>[B, T]: 1 on real tokens.</summary>
    public int* TextMask;

    /// <summary>[B]: how many frames are a video's own.</summary>
    public int* FrameCounts;

    /// <summary>[B, T + F]: which positions count as keys.</summary>
    public int* Mask;

    /// <summary>Sizes.</summary>
    public int B, T, F, C;
}

/// <summary>Arguments of <see cref="JointSequenceKernels.Backward"/>.</summary>
public unsafe struct JointSequenceGradArgs
{
    /// <summary>[B, T + F, C]</summary>
    public void* dY;

    /// <summary>[B, T, C], or null where nobody wants it.</summary>
    public void* dText;

    /// <summary>[B, F, C], or null where nobody wants it.</summary>
    public void* dFrames;

    /// <summary>Sizes.</summary>
    public int B, T, F, C;

    /// <summary>1 to add to the gradient.</summary>
    public int AddText, AddFrames;
}

/// <summary>
/// Text and frames as one sequence, text first, with the mask of both (docs/reference-system.md, section 3.7).
/// </summary>
public static unsafe partial class JointSequenceKernels
{
    private const int Threads = 128; // 16 bytes each

    private static readonly KernelFile File = new("joint-sequence", "JointSequence.cu", $"THREADS={Threads}");

    /// <summary>Joins, and writes the mask. Items: positions of all videos.</summary>
    public static readonly KernelPair<JointSequenceArgs> Forward = new("joint_sequence_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in JointSequenceArgs a, in DeviceLimits _) => new(a.B * (a.T + a.F), Threads),
        CountItems = static (in JointSequenceArgs a) => a.B * (a.T + a.F),
        Twin = precision == ElementType.Float32 ? JoinPositions : null,
        CountCost = (in JointSequenceArgs a) => new(0, 2.0 * precision.Size() * a.B * (a.T + a.F) * a.C + 4.0 * a.B * (2 * a.T + a.F + 1)),
    });

    /// <summary>Splits the gradient. Items: positions of all videos.</summary>
    public static readonly KernelPair<JointSequenceGradArgs> Backward = new("joint_sequence_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in JointSequenceGradArgs a, in DeviceLimits _) => new(a.B * (a.T + a.F), Threads),
        CountItems = static (in JointSequenceGradArgs a) => a.B * (a.T + a.F),
        Twin = precision == ElementType.Float32 ? SplitPositions : null,
        CountCost = (in JointSequenceGradArgs a) =>
        {
            int text = a.dText == null ? 0 : a.T, frames = a.dFrames == null ? 0 : a.F;
            double added = (double)a.AddText * text + (double)a.AddFrames * frames;
            return new(added * a.B * a.C, (double)precision.Size() * a.B * a.C * (2.0 * (text + frames) + added));
        },
    });
}
