using System.Runtime.InteropServices;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Batches;

/// <summary>
/// Which frames of a video a model sees (docs/reference-system.md, section 2.3): of n frames, F in whole steps, which
/// leaves out up to F - 1 at the end, or F spread evenly over all; a shorter video gives all of its frames, then its
/// last one again and again.
/// </summary>
public static class FrameSampler
{
    /// <summary>The frame that goes into position <paramref name="position"/> of <paramref name="sampledFrames"/>.</summary>
    /// <param name="position">0 .. F - 1.</param>
    /// <param name="frameCount">n, how many frames the video has; at least 1.</param>
    /// <param name="sampledFrames">F.</param>
    /// <param name="even">Take the middle of each F-th of the video instead of whole steps from its beginning.</param>
    public static int FrameAt(int position, int frameCount, int sampledFrames, bool even)
    {
        int step = frameCount / sampledFrames;
        if (even && step > 0)
            return (int)(((2 * position) + 1) * (long)frameCount / (2 * sampledFrames));
        return step == 0 ? Math.Min(position, frameCount - 1) : (position * step) + (step / 2);
    }

    /// <summary>How many of the sampled frames are distinct ones; the model's frameCount.</summary>
    public static int CountOf(int frameCount, int sampledFrames) => Math.Min(frameCount, sampledFrames);

    /// <summary>Copies the sampled frames, as they are stored, to their place in a batch.</summary>
    /// <param name="frames">All frames of the video.</param>
    /// <param name="sampledFrames">F.</param>
    /// <param name="even">As in <see cref="FrameAt"/>.</param>
    /// <param name="destination">[F, C]</param>
    /// <returns>What <see cref="CountOf"/> says.</returns>
    public static int Copy(VideoFrames frames, int sampledFrames, bool even, Span<Half> destination)
    {
        var target = MemoryMarshal.AsBytes(destination);
        int frameBytes = target.Length / sampledFrames;

        for (int i = 0; i < sampledFrames; i++)
            frames[FrameAt(i, frames.Count, sampledFrames, even)].CopyTo(target.Slice(i * frameBytes, frameBytes));

        return CountOf(frames.Count, sampledFrames);
    }
}
