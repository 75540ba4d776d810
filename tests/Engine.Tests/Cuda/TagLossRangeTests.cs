using VideoSim.Engine.Tests.Operators;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>Every logit that bf16 can hold, through the kernels of the device.</summary>
[Collection(CudaMachine.Collection)]
public sealed class TagLossRangeTests
{
    public static TheoryData<float, float, float> Focuses => TagLossRange.Focuses;

    [Theory]
    [MemberData(nameof(Focuses))]
    public void Gradients_EveryFiniteLogitPresentAndAbsent_AreFinite(float positiveGamma, float negativeGamma, float margin)
    {
        using var device = CudaMachine.Open();
        foreach (var precision in ElementTypes.Precisions)
        {
            foreach (uint flipped in new[] { 0u, ~0u })
            {
                TagLossRange.AssertFinite(device, precision, videos: 256, tags: 255, (positiveGamma, negativeGamma, margin), flipped,
                    static (head, i) => TagLossRange.EveryFinite[(i * 7919 + head) % TagLossRange.EveryFinite.Length]);
            }
        }
    }
}
