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

    // Reference fact sheet, Appendix A item 7: the KL term of one pair, and no gradient below the clip.
    [Theory]
    [InlineData(0.25f, 0.346574, false)]
    [InlineData(-0.3f, 7.71247, true)]
    public void Kl_PublishedValues_Agree(float cosine, double kl, bool clipped)
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 12);
        using var tape = new Tape(device.Stream, arena) { Training = true };
        Tensor embeddings = tape.Result(new Shape(2, 2), differentiable: true), target = tape.Scratch(new Shape(1)), terms = tape.Scratch(new Shape(2));
        float[] sides = [1, 0, cosine, MathF.Sqrt(1 - cosine * cosine)];
        sides.CopyTo(new Span<float>(embeddings.Floats, sides.Length));
        target.Floats[0] = 0.5f;
        const float weight = 1e6f; // the squared error's gradient vanishes beside it
        PairLoss.Forward(tape, embeddings, target, weight, terms.Slice(0, new Shape(1)), terms.Slice(1, new Shape(1)), tape.Scratch(new Shape(1)));
        tape.RunBackward();
        Assert.Equal(kl, terms.Floats[1], 1e-5);
        Assert.Equal(clipped, Math.Abs(tape.GradientOf(embeddings).Floats[1]) < 10);
    }
}
