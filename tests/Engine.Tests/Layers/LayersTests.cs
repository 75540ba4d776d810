using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Layers;

/// <summary>Layers as a program on the engine uses them; operators have their own checks of values and gradients.</summary>
public sealed unsafe class LayersTests : IDisposable
{
    private const int B = 2, S = 5, Width = 12;

    private readonly CpuDevice _device = new(threads: 1);
    private readonly ParameterStore _parameters = new();
    private readonly Arena _arena;
    private readonly Tape _tape;

    public LayersTests()
    {
        _arena = new Arena(_device, 1 << 20);
        _tape = new Tape(_device.Stream, _arena);
    }

    [Fact]
    public void Dense_Stack_IsOneMapForEachName()
    {
        var stack = new Dense(_parameters, ["a", "b"], Width, 7, initialBias: 0.5);
        Start();
        var x = Filled(new Shape(3, Width), site: 1);
        var both = stack.Forward(_tape, x);
        Assert.Equal(new Shape(2, 3, 7), both.Shape);
        Assert.Equal(["a.weight", "b.weight", "a.bias", "b.bias"], Names());
        for (int map = 0; map < 2; map++)
        {
            var weight = _parameters.Parameters[0].Value.Slice(map * 7L * Width, new Shape(7, Width));
            var bias = _parameters.Parameters[1].Value.Slice(map * 7, new Shape(7));
            Assert.Equal(Values(Linear.Forward(_tape, x, weight, bias)), Values(both.Slice(map * 21, new Shape(21))));
        }
    }

    [Fact]
    public void TransformerLayer_FirstPositionAlone_IsThatOfAll()
    {
        var layer = new TransformerLayer(_parameters, "layer", new TransformerOptions(Width, Heads: 3, InnerWidth: 20), site: 1);
        Start();
        var x = Filled(new Shape(B, S, Width), site: 2);
        int[] mask = [1, 1, 1, 0, 0, 1, 1, 1, 1, 1];
        float[] all = Values(layer.Forward(_tape, x, Integers(new Shape(B, S), mask))), first = Values(layer.ForwardFirst(_tape, x, Integers(new Shape(B, S), mask)));
        for (int i = 0; i < first.Length; i++)
            Assert.Equal(all[i / Width * S * Width + i % Width], first[i], 1e-6f);
    }

    [Fact]
    public void TransformerLayer_Names_AreThoseOfBert()
    {
        _ = new TransformerLayer(_parameters, "encoder.layer.0", new TransformerOptions(Width, Heads: 3, InnerWidth: 20), site: 1);
        Start();
        string[] maps = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"];
        Assert.Equal(maps.SelectMany(static map => new[] { $"encoder.layer.0.{map}.weight", $"encoder.layer.0.{map}.bias" }).Order(), Names().Order());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(S)]
    public void EmbeddingLayer_WithAndWithoutPositions_SumsItsTables(int positions)
    {
        var layer = new EmbeddingLayer(_parameters, "embeddings", rows: 9, Width, positions);
        Start();
        int[] indices = [3, 8, 0, 3, 3, 1, 1, 7, 2, 8];
        float[] y = Values(layer.Forward(_tape, new IndexBatch(Integers(new Shape(B, S), indices), default, default, default, default)));
        var tables = _parameters.Parameters.ToDictionary(static parameter => parameter.Parts[0].Name.Split('.')[1], parameter => Values(parameter.Value));
        for (int i = 0; i < y.Length; i++)
        {
            int position = i / Width, column = i % Width;
            float expected = tables["word_embeddings"][indices[position] * Width + column] + tables["token_type_embeddings"][column];
            if (positions > 0)
                expected += tables["position_embeddings"][position % S * Width + column];
            Assert.Equal(expected, y[i], 1e-7f);
        }
    }

    [Fact]
    public void DropoutLayer_InTraining_ZeroesItsShareAndScalesTheRest()
    {
        var scalars = new StepScalars { Step = 3 };
        using var training = new Tape(_device.Stream, _arena) { Mode = new(Training: true, 5), Scalars = &scalars };
        var layer = new DropoutLayer(site: 4, dropProbability: 0.25f);
        var x = training.Result(new Shape(1 << 14), differentiable: true);
        new Span<float>(x.Floats, 1 << 14).Fill(3);
        float[] y = Values(layer.Forward(training, x));
        Assert.Equal([0, 4], y.Distinct().Order());
        Assert.InRange(y.Count(static value => value == 0), 3800, 4400); // 4096, 6 deviations of 55
        Assert.Equal(x.Address, layer.Forward(_tape, x).Address);
    }

    [Fact]
    public void Sort_AnyIndices_ListsEachWithItsPositions()
    {
        int[] indices = [3, 8, 0, 3, 3, 1, 1, 7, 2, 8];
        Tensor Empty(int count) => Integers(new Shape(count), new int[count]);
        var batch = new IndexBatch(Integers(new Shape(B, S), indices), Empty(10), Empty(10), Empty(11), Empty(1));
        batch.Sort(new int[9]);
        Assert.Equal(6, batch.SegmentCount.Ints[0]);
        int[] sorted = new Span<int>(batch.SortedPositions.Ints, 10).ToArray(), starts = new Span<int>(batch.SegmentStarts.Ints, 7).ToArray();
        Assert.Equal([0, 1, 2, 3, 7, 8], new Span<int>(batch.SegmentIndices.Ints, 6).ToArray());
        Assert.Equal([0, 1, 3, 4, 7, 8, 10], starts);
        Assert.Equal([2, 5, 6, 8, 0, 3, 4, 7, 1, 9], sorted);
    }

    [Fact]
    public void IndexBatch_Uploaded_IsSorted()
    {
        int[] indices = [3, 8, 0, 3, 3, 1, 1, 7, 2, 8];
        using var inputs = new StepInputs(_device, IndexBatch.Inputs("words", B, S));
        IndexBatch.Upload(inputs, "words", indices, rows: 9);
        Tensor Empty(int count) => Integers(new Shape(count), new int[count]);
        IndexBatch actual = IndexBatch.Of(inputs, "words"), expected = new(Integers(new Shape(B, S), indices), Empty(10), Empty(10), Empty(11), Empty(1));
        expected.Sort(new int[9]);
        int segments = expected.SegmentCount.Ints[0];
        Assert.Equal(_device.Read<int>(expected.Indices), _device.Read<int>(actual.Indices));
        Assert.Equal(_device.Read<int>(expected.SortedPositions), _device.Read<int>(actual.SortedPositions));
        Assert.Equal(_device.Read<int>(expected.SegmentIndices)[..segments], _device.Read<int>(actual.SegmentIndices)[..segments]);
        Assert.Equal(_device.Read<int>(expected.SegmentStarts)[..(segments + 1)], _device.Read<int>(actual.SegmentStarts)[..(segments + 1)]);
        Assert.Equal(segments, _device.Read<int>(actual.SegmentCount)[0]);
        var failure = Assert.Throws<ArgumentException>(() => IndexBatch.Upload(inputs, "words", [.. indices[..^1], 9], rows: 9));
        Assert.Equal("input words holds the index 9, outside of a table of 9 rows", failure.Message);
    }

    public void Dispose()
    {
        _tape.Dispose();
        _arena.Dispose();
        _parameters.Dispose();
        _device.Dispose();
    }

    private void Start()
    {
        _parameters.Allocate(_device, training: false);
        _parameters.Initialize(seed: 11);
    }

    private string[] Names() => [.. _parameters.Parts().Select(static part => part.Name)];

    private Tensor Filled(Shape shape, uint site)
    {
        var x = _tape.Scratch(shape);
        for (int i = 0; i < shape.Count; i++)
            x.Floats[i] = 2 * (float)Philox.Uniform(seed: 7, step: 0, site, i) - 1;
        return x;
    }

    private Tensor Integers(Shape shape, int[] values)
    {
        var x = _tape.Scratch(shape, ElementType.Int32);
        values.CopyTo(new Span<int>(x.Ints, values.Length));
        return x;
    }

    private static float[] Values(in Tensor x) => new Span<float>(x.Floats, (int)x.Shape.Count).ToArray();
}
