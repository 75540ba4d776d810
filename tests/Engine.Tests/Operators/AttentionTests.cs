using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Attention;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Rotary;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class AttentionTests
{
    private const uint Site = 9;

    [Theory]
    [InlineData(1, 1, 1, 2, 0f, false)]
    [InlineData(2, 5, 2, 3, 0f, false)]
    [InlineData(2, 7, 3, 5, 0.3f, false)]
    [InlineData(2, 5, 3, 2, 0f, true)]
    [InlineData(2, 7, 2, 6, 0.3f, true)]
    public void Gradients_OddSizes_MatchDifferences(int b, int s, int heads, int d, float drop, bool rotary)
    {
        var (mask, reference) = Reference(b, s, heads, d, drop, rotary);
        GradientCheck.Run([GradientInput.Uniform("queryKeyValue", new Shape(b, s, 3 * heads * d))],
            (tape, t) => Attention.Forward(tape, t[0], Options(tape, reference, mask)),
            values => reference.Forward(values[0], mask));
    }

    [Theory]
    [InlineData(1, 1, 1, 1, 2, 0f, false)]
    [InlineData(2, 5, 1, 2, 3, 0f, false)]
    [InlineData(2, 7, 1, 2, 6, 0.3f, true)]
    [InlineData(2, 7, 3, 3, 2, 0.3f, true)]
    public void Gradients_QueriesOfTheFirstPositions_MatchDifferences(int b, int s, int queries, int heads, int d, float drop, bool rotary)
    {
        var (mask, all) = Reference(b, s, heads, d, drop, rotary);
        var reference = all with { Queries = queries };
        GradientCheck.Run(
            [GradientInput.Uniform("query", new Shape(b, queries, heads * d)), GradientInput.Uniform("keyValue", new Shape(b, s, 2 * heads * d))],
            (tape, t) => Attention.Forward(tape, t[0], t[1], Options(tape, reference, mask)),
            values => reference.Forward(reference.Join(values[0], values[1]), mask));
    }

    [Theory]
    [InlineData(2, 5, 2, 4, 0f, false)]
    [InlineData(2, 7, 2, 6, 0.3f, true)]
    public void Gradients_Bias_MatchDifferences(int b, int s, int heads, int d, float drop, bool rotary)
    {
        var (mask, reference) = Reference(b, s, heads, d, drop, rotary);
        GradientCheck.Run([GradientInput.Uniform("queryKeyValue", new Shape(b, s, 3 * heads * d)), GradientInput.Uniform("bias", new Shape(3 * heads * d))],
            (tape, t) => Attention.Forward(tape, t[0], Options(tape, reference, mask), t[1]),
            values => reference.Forward(values[0], mask, values[1]));
    }

    [Fact]
    public void Gradients_BiasesOfQueriesOfTheFirstPositions_MatchDifferences()
    {
        const int b = 2, s = 5, queries = 2, heads = 2, d = 4, width = heads * d;
        var (mask, all) = Reference(b, s, heads, d, 0.3f, rotary: true);
        var reference = all with { Queries = queries };
        GradientCheck.Run(
            [GradientInput.Uniform("query", new Shape(b, queries, width)), GradientInput.Uniform("keyValue", new Shape(b, s, 2 * width)),
                GradientInput.Uniform("queryBias", new Shape(width)), GradientInput.Uniform("keyValueBias", new Shape(2 * width))],
            (tape, t) => Attention.Forward(tape, t[0], t[1], Options(tape, reference, mask), t[2], t[3]),
            values => reference.Forward(reference.Join(values[0], values[1]), mask, [.. values[2], .. values[3]]));
    }

    [Fact]
    public void Forward_BiasOfAnotherWidth_IsRefused()
    {
        var failure = Assert.Throws<ArgumentException>(() => GradientCheck.Run(
            [GradientInput.Uniform("queryKeyValue", new Shape(1, 5, 12)), GradientInput.Uniform("bias", new Shape(4))], (tape, t) =>
            {
                var (mask, reference) = Reference(1, 5, 1, 4, 0, rotary: false);
                return Attention.Forward(tape, t[0], Options(tape, reference, mask), t[1]);
            }, _ => new double[1]));
        Assert.Contains("bias", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forward_TooLong_IsRefused() => AssertRefused("at most 256", new Shape(1, 257, 6), heads: 1, rotary: null);

    [Theory]
    [InlineData(6, 2)] // rows of another head's width
    [InlineData(4, 4)] // too few positions
    public void Forward_RotaryTableOfAnotherShape_IsRefused(int rows, int width) => AssertRefused("rotary", new Shape(1, 5, 12), heads: 1, new Shape(rows, width));

    [Fact]
    public void Forward_RotaryHeadOfOddWidth_IsRefused() => AssertRefused("width 3", new Shape(1, 5, 9), heads: 1, new Shape(5, 3));

    private static void AssertRefused(string word, Shape shape, int heads, Shape? rotary)
    {
        var failure = Assert.Throws<ArgumentException>(() => GradientCheck.Run([GradientInput.Uniform("queryKeyValue", shape)], (tape, t) =>
        {
            var mask = GradientCheck.Integers(tape, new Shape(shape[0], shape[1]), new int[shape[0] * shape[1]]);
            return Attention.Forward(tape, t[0], new AttentionOptions(mask, rotary is { } table ? tape.Scratch(table) : default, heads, Site, 0));
        }, _ => new double[1]));
        Assert.Contains(word, failure.Message, StringComparison.Ordinal);
    }

    private static AttentionOptions Options(Tape tape, AttentionReference reference, int[] mask)
    {
        var rotary = reference.Rotary is not null ? tape.Scratch(new Shape(reference.S, reference.D)) : default;
        reference.Rotary?.CopyTo(new Span<float>(rotary.Floats, reference.S * reference.D));
        return new AttentionOptions(GradientCheck.Integers(tape, new Shape(reference.B, reference.S), mask), rotary, reference.Heads, Site, reference.Site.DropProbability);
    }

    private static (int[] Mask, AttentionReference Reference) Reference(int b, int s, int heads, int d, float drop, bool rotary)
    {
        // The second video hides its last keys.
        int[] mask = [.. Enumerable.Range(0, b * s).Select(i => i / s == 0 || i % s < (s + 1) / 2 ? 1 : 0)];
        var site = new DropoutSite { Seed = GradientCheck.Seed, Site = Site, DropProbability = drop };
        return (mask, new AttentionReference(b, s, heads, d, site, GradientCheck.Step) { Rotary = rotary ? RotaryTable.Create(s, d) : null });
    }
}
