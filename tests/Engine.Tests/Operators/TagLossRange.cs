using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tests.Tensors;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

/// <summary>Runs the tag loss with its consistency on logits of any size, and asks for finite numbers.</summary>
internal static unsafe class TagLossRange
{
    private const int Experts = 2;

    public static TheoryData<float, float, float> Focuses => new() { { 0, 0, 0 }, { 0, 1, 0 }, { 1, 4, 0.05f }, { 0.5f, 0, 0.2f } };

    /// <summary>All finite bf16 numbers, both signs of 0 included.</summary>
    public static float[] EveryFinite { get; } = [.. Enumerable.Range(0, 1 << 16).Select(static bits => BitConverter.Int32BitsToSingle(bits << 16)).Where(float.IsFinite)];

    /// <summary>Computes all terms with all gradients; both must be finite, but for sums of losses that are too large for fp32.</summary>
    public static void AssertFinite(Device device, ElementType precision, int videos, int tags, (float Positive, float Negative, float Margin) focus, uint labelsFlippedBy, Func<int, long, float> logit)
    {
        long ofHead = (long)videos * tags;
        var (logits, experts) = (Upload(device, precision, ofHead, i => logit(0, i)), Upload(device, precision, Experts * ofHead, i => logit(1, i)));
        nint labels = device.Allocate(4L * videos * TagLossKernels.Words(tags));
        device.Upload(MemoryMarshal.AsBytes<uint>([.. Enumerable.Range(0, videos * TagLossKernels.Words(tags)).Select(i => Philox.Bits(4, 0, 0, i) ^ labelsFlippedBy)]), labels);
        var (dLogits, dExperts) = (Upload(device, precision, ofHead, static _ => float.NaN), Upload(device, precision, Experts * ofHead, static _ => float.NaN));
        nint loss = Upload(device, ElementType.Float32, 3 * videos, static _ => float.NaN);
        device.Stream.Run(TagLossKernels.ConsistentHeads[precision], new TagLossArgs
        {
            Logits = (void*)logits, ExpertLogits = (void*)experts, Labels = (uint*)labels, dLogits = (void*)dLogits, dExpertLogits = (void*)dExperts, Loss = (float*)loss,
            Experts = Experts, Videos = videos, C = tags, PositiveGamma = focus.Positive, NegativeGamma = focus.Negative, Margin = focus.Margin, Scale = 1, ExpertScale = 1,
            Sharpness = 0.5f, Epsilon = 1e-8f, ConsistencyScale = 10,
        });
        Assert.True(Array.TrueForAll(TensorValues.Read(device, ElementType.Float32, loss, 3 * videos), static x => !float.IsNaN(x)), "a loss is NaN");
        foreach (var (gradient, count) in new[] { (dLogits, ofHead), (dExperts, Experts * ofHead) })
            Assert.True(Array.TrueForAll(TensorValues.Read(device, precision, gradient, count), float.IsFinite), "a gradient is not finite");
        foreach (nint address in new[] { logits, experts, labels, dLogits, dExperts, loss })
            device.Free(address);
    }

    private static nint Upload(Device device, ElementType precision, long count, Func<long, float> value) =>
        TensorValues.Upload(device, precision, [.. Enumerable.Range(0, (int)count).Select(i => value(i))]);
}

public sealed class TagLossRangeTests
{
    public static TheoryData<float, float, float> Focuses => TagLossRange.Focuses;

    [Theory]
    [MemberData(nameof(Focuses))]
    public void Gradients_EveryFiniteLogitPresentAndAbsent_AreFinite(float positiveGamma, float negativeGamma, float margin)
    {
        using var device = new CpuDevice(threads: 2);
        foreach (uint flipped in new[] { 0u, ~0u })
        {
            TagLossRange.AssertFinite(device, ElementType.Float32, videos: 256, tags: 255, (positiveGamma, negativeGamma, margin), flipped,
                static (head, i) => TagLossRange.EveryFinite[(i * 7919 + head) % TagLossRange.EveryFinite.Length]);
        }
    }

    [Theory]
    [InlineData(1e38f)]
    [InlineData(200)]
    [InlineData(12)]
    public void Gradients_AMillionRows_AreFinite(float largest)
    {
        using var device = new CpuDevice(threads: 2);
        for (uint batch = 0; batch < 4; batch++)
        {
            TagLossRange.AssertFinite(device, ElementType.Float32, videos: 84_000, tags: 9, (0, 1, 0), 0,
                (head, i) => new BFloat16(largest * (float)(2 * Philox.Uniform(2, batch, (uint)head, i) - 1)).ToSingle());
        }
    }
}
