using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Losses;
using Xunit;

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
        GradientCheck.RunLoss([GradientInput.Uniform("embeddings", new Shape(2 * pairs, width), low)],
            (tape, t) =>
            {
                var similarities = tape.Scratch(new Shape(pairs));
                targets.CopyTo(new Span<float>(similarities.Floats, pairs));
                var terms = PairLoss.Forward(tape, t[0], similarities);
                return [terms.SquaredError, terms.Kl];
            },
            v =>
            {
                var (_, squaredError, kl) = PairLossReference.Forward(v[0], [.. targets.Select(static y => (double)y)], width);
                return [squaredError.Sum(), kl.Sum()];
            });
    }

    // docs/reference-system.md, section 12, item 7: the KL term of one pair, and no gradient below the clip.
    [Theory]
    [InlineData(0.25f, 0.346574, false)]
    [InlineData(-0.3f, 7.71247, true)]
    public void Kl_PublishedValues_Agree(float cosine, double kl, bool clipped)
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 12);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        Tensor embeddings = tape.Result(new Shape(2, 2), differentiable: true), target = tape.Scratch(new Shape(1));
        float[] sides = [1, 0, cosine, MathF.Sqrt(1 - cosine * cosine)];
        sides.CopyTo(new Span<float>(embeddings.Floats, sides.Length));
        target.Floats[0] = 0.5f;
        var terms = PairLoss.Forward(tape, embeddings, target);
        tape.RunBackward(new LossTerm("kl", 1, terms.Kl));
        Assert.Equal(kl, terms.Kl.Floats[0], 1e-5);
        Assert.Equal(clipped, tape.GradientOf(embeddings).Floats[1] == 0);
    }
}
