using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Random;
using Xunit;
using TagLoss = VideoSim.Engine.Operators.TagLoss;

namespace VideoSim.Engine.Tests.Operators;

public sealed class TagLossTests
{
    [Theory]
    [InlineData(1, 1, 1, 0, 0, 0)]
    [InlineData(1, 5, 9, 0, 1, 0)]
    [InlineData(3, 2, 32, 0, 0, 0)]
    [InlineData(3, 2, 45, 0, 1, 0)]
    [InlineData(3, 2, 45, 1, 4, 0.05f)]
    [InlineData(2, 2, 7, 0.5f, 0, 0.2f)]
    public void Gradients_AnyHeadsAndFocus_MatchDifferences(int heads, int videos, int tags, float positiveGamma, float negativeGamma, float margin)
    {
        int words = (tags + 31) / 32;
        int[] labels = [.. Enumerable.Range(0, videos * words).Select(static i => (int)Philox.Bits(1, 0, 0, i))];
        GradientCheck.Run([GradientInput.Uniform("logits", new Shape(heads, videos, tags), -3, 3)],
            (tape, t) =>
            {
                var term = tape.Scratch(new Shape(1));
                TagLoss.Forward(tape, t[0], GradientCheck.Integers(tape, new Shape(videos, words), labels),
                    new TagFocus(positiveGamma, negativeGamma, margin), weight: 1, term);
                return term;
            },
            v => [new TagLossReference(labels, videos, tags, positiveGamma, negativeGamma, margin).Forward(v[0]).Sum() / videos]);
    }
}
