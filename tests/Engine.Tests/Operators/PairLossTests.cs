using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Losses;
using Xunit;
using PairLoss = VideoSim.Engine.Operators.PairLoss;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class PairLossTests
{
    [Theory]
    [InlineData(1, 2, 0.1f)]
    [InlineData(5, 13, 0f)]
    [InlineData(6, 9, -1f)] // cosines on both sides of the clip
    public void Gradients_AnySizes_MatchDifferences(int pairs, int width, float low)
    {
        float[] targets = [.. Enumerable.Range(0, pairs).Select(i => (float)i / pairs)]; // the first is below the clip
        GradientCheck.Run([GradientInput.Uniform("embeddings", new Shape(2 * pairs, width), low)],
            (tape, t) =>
            {
                Tensor similarities = tape.Scratch(new Shape(pairs)), terms = tape.Scratch(new Shape(2));
                targets.CopyTo(new Span<float>(similarities.Floats, pairs));
                PairLoss.Forward(tape, t[0], similarities, klWeight: 1, terms.Slice(0, new Shape(1)), terms.Slice(1, new Shape(1)), tape.Scratch(new Shape(pairs)));
                return terms;
            },
            v =>
            {
                var (_, squaredError, kl) = PairLossReference.Forward(v[0], [.. targets.Select(static y => (double)y)], width);
                return [squaredError.Sum(), kl.Sum()];
            });
    }
}
