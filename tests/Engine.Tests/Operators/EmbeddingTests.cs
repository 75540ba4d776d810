using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class EmbeddingTests
{
    private const int B = 3, T = 5, C = 7, V = 70;

    // Repeats within and across videos, the first and the last row of the table.
    private static readonly int[] Ids = [0, 4, 4, 69, 1, 4, 0, 64, 63, 2, 69, 69, 5, 4, 1];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gradients_RepeatedTokens_MatchDifferences(bool positions)
    {
        var inputs = new List<GradientInput> { GradientInput.Uniform("word", new Shape(V, C)), GradientInput.Uniform("type", new Shape(2, C)) };
        if (positions)
            inputs.Add(GradientInput.Uniform("position", new Shape(T + 2, C))); // two rows that no position uses
        int[] sorted = [.. Enumerable.Range(0, Ids.Length).OrderBy(i => Ids[i])];
        int[] tokens = [.. Ids.Distinct().Order()];
        int[] starts = [.. tokens.Select(token => Array.FindIndex(sorted, i => Ids[i] == token)), Ids.Length];
        GradientCheck.Run(inputs, (tape, t) => Embedding.Forward(tape, new IndexBatch(
                GradientCheck.Integers(tape, new Shape(B, T), Ids), GradientCheck.Integers(tape, new Shape(B * T), sorted),
                GradientCheck.Integers(tape, new Shape(B * T), tokens), GradientCheck.Integers(tape, new Shape(B * T + 1), starts),
                GradientCheck.Integers(tape, new Shape(1), [tokens.Length])), t[0], positions ? t[2] : default, t[1]),
            values => [.. Enumerable.Range(0, B * T * C).Select(i =>
                values[0][Ids[i / C] * C + i % C] + values[1][i % C] + (positions ? values[2][i / C % T * C + i % C] : 0))]);
    }
}
