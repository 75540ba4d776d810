using System.Runtime.InteropServices;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Batches;

/// <summary>
/// Samples F of a video's n frames (docs/reference-system.md, section 2.3). With whole steps, up to F - 1 frames at
/// the end are skipped. With even steps, the F frames are spread over the whole video. A video with fewer than F
/// frames gives all of them and then repeats its last frame.
/// </summary>
public static class FrameSampler
{
    /// <summary>
    /// The frame that goes into position <paramref name="position"/> of <paramref name="sampledFrames"/>.
    /// </summary>
    /// <param name="position">0 .. F - 1.</param>
    /// <param name="frameCount">n, the number of frames of the video; at least 1.</param>
    /// <param name="sampledFrames">F.</param>
    /// <param name="even">
    /// Takes the middle of each F-th of the video; otherwise takes whole steps from its beginning.
    /// </param>
    public static int FrameAt(int position, int frameCount, int sampledFrames, bool even)
    {
        int step = frameCount / sampledFrames;
        if (even && step > 0)
            return (int)(((2 * position) + 1) * (long)frameCount / (2 * sampledFrames));
        return step == 0 ? Math.Min(position, frameCount - 1) : (position * step) + (step / 2);
    }

    /// <summary>Number of distinct sampled frames; the model's frameCount.</summary>
    public static int CountOf(int frameCount, int sampledFrames) => Math.Min(frameCount, sampledFrames);

    /// <summary>Copies the sampled frames to their place in a batch, without conversion.</summary>
    /// <param name="frames">All frames of the video.</param>
    /// <param name="sampledFrames">F.</param>
    /// <param name="even">As in <see cref="FrameAt"/>.</param>
    /// <param name="destination">[F, C]</param>
    /// <returns>The value of <see cref="CountOf"/>.</returns>
    public static int Copy(VideoFrames frames, int sampledFrames, bool even, Span<Half> destination)
    {
        var target = MemoryMarshal.AsBytes(destination);
        int frameBytes = target.Length / sampledFrames;

        for (int i = 0; i < sampledFrames; i++)
            frames[FrameAt(i, frames.Count, sampledFrames, even)].CopyTo(target.Slice(i * frameBytes, frameBytes));

        return CountOf(frames.Count, sampledFrames);
    }
}
