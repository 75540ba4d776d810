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
    [InlineData(1, 1, 1)]
    [InlineData(1, 5, 9)]
    [InlineData(3, 2, 32)]
    [InlineData(3, 2, 45)]
    public void Gradients_AnyHeads_MatchDifferences(int heads, int videos, int tags)
    {
        int words = (tags + 31) / 32;
        int[] labels = [.. Enumerable.Range(0, videos * words).Select(static i => (int)Philox.Bits(1, 0, 0, i))];
        GradientCheck.Run([GradientInput.Uniform("logits", new Shape(heads, videos, tags), -3, 3)],
            (tape, t) =>
            {
                var term = tape.Scratch(new Shape(1));
                TagLoss.Forward(tape, t[0], GradientCheck.Integers(tape, new Shape(videos, words), labels), weight: 1, term);
                return term;
            },
            v => [TagLossReference.Forward(v[0], labels, videos, tags).Sum() / videos]);
    }
}
