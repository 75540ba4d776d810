using System.Runtime.InteropServices;
using VideoSim.Models.Batches;
using VideoSim.Models.Datasets;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Batches;

public class FrameSamplerTests
{
    private const int F = 32;

    // docs/reference-system.md, section 12, item 4.
    [Fact]
    public void FrameAt_ReferenceCases_Agree()
    {
        Assert.Equal([.. Enumerable.Range(0, 10), .. Enumerable.Repeat(9, 22)], Sampled(10));
        Assert.Equal(Enumerable.Range(0, 32), Sampled(40));
        Assert.Equal(Enumerable.Range(0, 32).Select(i => (2 * i) + 1), Sampled(64));
        Assert.Equal(Enumerable.Range(0, 32).Select(i => (3 * i) + 1), Sampled(100));
        Assert.Equal([10, 32, 32, 32], new[] { 10, 40, 64, 100 }.Select(n => FrameSampler.CountOf(n, F)));
    }

    [Fact]
    public void FrameAt_Even_ReachesTheWholeVideo()
    {
        Assert.Equal(Sampled(10), Sampled(10, even: true));
        Assert.Equal(Enumerable.Range(0, 32), Sampled(32, even: true));
        Assert.Equal(Enumerable.Range(0, 32).Select(i => (2 * i) + 1), Sampled(64, even: true));
        // 63 frames: middles of 32 pieces of 63/32 frames.
        Assert.Equal(Enumerable.Range(0, 32).Select(i => (int)Math.Floor((i + 0.5) * 63 / 32)), Sampled(63, even: true));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void FrameAt_AnyCount_StaysInsideAndNeverGoesBack(bool even)
    {
        for (int n = 1; n < 200; n++)
        {
            int[] frames = Sampled(n, even);
            Assert.All(frames, frame => Assert.InRange(frame, 0, n - 1));
            Assert.Equal(frames.Order(), frames);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(100)]
    public void Copy_AnyCount_PutsTheSampledFramesInPlace(int frameCount)
    {
        const int width = TestRecords.FrameWidth;
        var all = TestRecords.Frames(5, frameCount);
        int[] starts = [.. Enumerable.Range(0, frameCount).Select(frame => frame * width * sizeof(ushort))];
        var destination = new Half[F * width];
        Assert.Equal(FrameSampler.CountOf(frameCount, F), FrameSampler.Copy(new VideoFrames(MemoryMarshal.AsBytes<Half>(all), starts, width), F, even: false, destination));

        Assert.Equal(Sampled(frameCount).SelectMany(f => all[(f * width)..((f + 1) * width)]), destination);
    }

    private static int[] Sampled(int frameCount, bool even = false) => [.. Enumerable.Range(0, F).Select(i => FrameSampler.FrameAt(i, frameCount, F, even))];
}
