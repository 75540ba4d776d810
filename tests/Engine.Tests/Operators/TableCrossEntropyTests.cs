using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed unsafe class TableCrossEntropyTests
{
    [Theory]
    [InlineData(1, 1, 3)]
    [InlineData(3, 5, 7)]
    [InlineData(7, 9, 67)]
    public void Gradients_RowsInAndOutOfUse_MatchDifferences(int rows, int width, int vocabulary)
    {
        int[] targets = [.. Enumerable.Range(0, rows).Select(row => row * 11 % vocabulary)];
        float[] weights = [.. Enumerable.Range(0, rows).Select(static row => row % 3 == 2 ? 0 : 0.25f)];
        GradientCheck.RunLoss(
            [GradientInput.Uniform("x", new Shape(rows, width), -2, 2), GradientInput.Uniform("table", new Shape(vocabulary, width)), GradientInput.Uniform("bias", new Shape(vocabulary))],
            (tape, t) => [TableCrossEntropy.Forward(tape, t[0], t[1], t[2], GradientCheck.Integers(tape, new Shape(rows), targets), Floats(tape, weights))],
            v => [CrossEntropyReference.Forward(Logits(v[0], v[1], v[2], rows, width, vocabulary), targets, Array.ConvertAll(weights, static w => (double)w), vocabulary).Sum()]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public void Loss_NoRowInUse_IsZeroWithZeroGradients(int rows)
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 1 << 20); // begins as NaN
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        var x = tape.Result(new Shape(rows, 3), differentiable: true);
        var (table, bias) = (tape.Result(new Shape(5, 3), differentiable: true), tape.Result(new Shape(5), differentiable: true));
        foreach (var tensor in new[] { x, table, bias })
            new Span<float>(tensor.Floats, (int)tensor.Shape.Count).Fill(0.5f);
        var term = TableCrossEntropy.Forward(tape, x, table, bias, GradientCheck.Integers(tape, new Shape(rows), new int[rows]), Floats(tape, new float[rows]));
        tape.RunBackward(new LossTerm("loss", 10, term));
        Assert.Equal(0, *term.Floats);
        foreach (var tensor in new[] { x, table, bias })
            Assert.All(new Span<float>(tape.GradientOf(tensor).Floats, (int)tensor.Shape.Count).ToArray(), static d => Assert.Equal(0, d));
    }

    // One table for both ends of a model: the head's product comes first, then the occurrences are added one by one, so the
    // bits are those of that very order.
    [Fact]
    public void TiedTable_EmbeddingAndHead_AddsOccurrencesToTheDenseGradient()
    {
        const int V = 6, C = 5, T = 4;
        int[] ids = [2, 5, 2, 0], sorted = [3, 0, 2, 1], tokens = [0, 2, 5, 0], starts = [0, 1, 3, 4, 0], targets = [5, 1, 2, 2];
        float[] dense = Run(tied: false, out float[] dX);
        float[] tied = Run(tied: true, out _);
        for (int i = 0; i < T; i++)
        {
            int position = sorted[i];
            for (int c = 0; c < C; c++)
                dense[ids[position] * C + c] += dX[position * C + c];
        }
        Assert.Equal(dense, tied);

        float[] Run(bool tied, out float[] dX)
        {
            using var device = new CpuDevice(threads: 1);
            using var arena = new Arena(device, 1 << 20);
            using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
            var shape = new Shape(V, C);
            Tensor table = tape.Result(shape, differentiable: true), type = tape.Scratch(new Shape(1, C));
            for (int i = 0; i < V * C; i++)
                table.Floats[i] = (float)Philox.Uniform(3, 0, 0, i) - 0.5f;
            new Span<float>(type.Floats, C).Clear();
            var batch = new IndexBatch(GradientCheck.Integers(tape, new Shape(1, T), ids), GradientCheck.Integers(tape, new Shape(T), sorted),
                GradientCheck.Integers(tape, new Shape(T), tokens), GradientCheck.Integers(tape, new Shape(T + 1), starts), GradientCheck.Integers(tape, new Shape(1), [3]));
            Tensor embedded;
            if (tied)
            {
                embedded = Embedding.Forward(tape, batch, table, position: default, type);
            }
            else
            {
                embedded = tape.Result(new Shape(1, T, C), differentiable: true);
                for (int i = 0; i < T * C; i++)
                    embedded.Floats[i] = table.Floats[ids[i / C] * C + i % C];
            }
            var bias = tape.Scratch(new Shape(V));
            new Span<float>(bias.Floats, V).Clear();
            var term = TableCrossEntropy.Forward(tape, embedded, table, bias, GradientCheck.Integers(tape, new Shape(T), targets), Floats(tape, [0.25f, 0.25f, 0.25f, 0.25f]));
            tape.RunBackward(new LossTerm("loss", 1, term));
            dX = new Span<float>(tape.GradientOf(embedded).Floats, T * C).ToArray();
            return new Span<float>(tape.GradientOf(table).Floats, V * C).ToArray();
        }
    }

    private static double[] Logits(double[] x, double[] table, double[] bias, int rows, int width, int vocabulary)
    {
        double[] logits = new double[rows * vocabulary];
        for (int i = 0; i < logits.Length; i++)
        {
            var (row, token) = Math.DivRem(i, vocabulary);
            logits[i] = bias[token] + Enumerable.Range(0, width).Sum(c => x[row * width + c] * table[token * width + c]);
        }
        return logits;
    }

    private static Tensor Floats(Tape tape, float[] values)
    {
        var tensor = tape.Scratch(new Shape(values.Length));
        values.CopyTo(new Span<float>(tensor.Floats, values.Length));
        return tensor;
    }
}
