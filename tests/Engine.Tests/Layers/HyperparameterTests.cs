using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using Xunit;

namespace VideoSim.Engine.Tests.Layers;

/// <summary>A number out of its range is refused where it is given.</summary>
public sealed class HyperparameterTests : IDisposable
{
    private readonly CpuDevice _device = new(threads: 1);
    private readonly ParameterStore _store = new();

    public void Dispose()
    {
        _store.Dispose();
        _device.Dispose();
    }

    [Theory, InlineData(-0.1f), InlineData(1), InlineData(2), InlineData(float.NaN)]
    public void DropProbability_OutOfRange_IsRefused(float probability)
    {
        using var arena = new Arena(_device, 4096);
        using var tape = new Tape(_device.Stream, arena);
        var x = tape.Scratch(new Shape(4));
        Refuses("a drop probability must be at least 0 and below 1", () => new DropoutLayer(1, probability).Forward(tape, x));
    }

    [Theory, InlineData(-0.1), InlineData(1), InlineData(double.NaN), InlineData(0.99999999999)]
    public void Momentum_OutOfRange_IsRefused(double momentum) => Refuses("the momentum must be at least 0 and below 1", () => new Sgd(_device, Allocated(), momentum));

    [Theory, InlineData(-1e-8), InlineData(0), InlineData(1e-60), InlineData(double.NaN), InlineData(double.PositiveInfinity)]
    public void Epsilon_NotPositive_IsRefused(double epsilon)
    {
        Refuses("epsilon must be above 0", () => new Adam(_device, Allocated(), epsilon));
        Refuses("norm: epsilon must be above 0", () => new LayerNormalization(new(), "norm", 4, (float)epsilon));
    }

    [Theory, InlineData(-0.1), InlineData(double.NaN), InlineData(double.PositiveInfinity)]
    public void WeightDecay_OutOfRange_IsRefused(double decay) => Refuses("a weight decay must be at least 0", () => new Adam(_device, Allocated(), weightDecays: [decay]));

    [Fact]
    public void Sizes_OutOfRange_AreRefused()
    {
        Refuses("group", () => _store.Add(-1, "x", new Shape(1), Initializers.Zeros));
        Refuses("layer: the width 12 is no multiple of 0 heads", () => new SelfAttention(_store, "layer", 12, 0));
        Refuses("layer: the width 12 is no multiple of 5 heads", () => new SelfAttention(_store, "layer", 12, 5));
        Refuses("rows", () => new EmbeddingLayer(_store, "table", 0, 4));
        Refuses("positions", () => new EmbeddingLayer(_store, "table", 1, 4, positions: -1));
        Refuses("sharedRows", () => new EmbeddingLayer(_store, "table", 1, 4, sharedRows: 0));
        Assert.Empty(_store.Parameters);
    }

    [Theory, InlineData(0), InlineData(-1)]
    public void NormalizationGroups_NotPositive_AreRefused(int groups)
    {
        var norm = new BatchNormalization(_store, ["norm"], 4);
        Allocated();
        using var arena = new Arena(_device, 4096);
        using var tape = new Tape(_device.Stream, arena);
        var x = tape.Scratch(new Shape(2, 4));
        Refuses("groups", () => norm.Forward(tape, x, groups));
        Refuses("groups", () => norm.Prepare(tape, x, groups));
    }

    [Fact]
    public void LossTerms_WeightNotFiniteOrNameTwice_AreRefused()
    {
        Refuses("the weight of the loss term a is NaN", () => new LossTerms(new LossTerm("a", float.NaN, default)));
        Refuses("the weight of the loss term b is", () => new LossTerms(new("a", 1, default), new("b", float.PositiveInfinity, default)));
        Refuses("two loss terms are called a", () => new LossTerms(new("a", 1, default), new("b", 1, default), new("a", 2, default)));
    }

    [Fact]
    public void Initialize_InitializerOfMatricesOnAVector_NamesThePart()
    {
        foreach (var initializer in (Initializer[])[Initializers.GlorotUniform, Initializers.GlorotNormal, Initializers.HeNormal])
        {
            using var store = new ParameterStore();
            store.Add(0, "bias", new Shape(5), initializer);
            store.Allocate(_device, training: false);
            Assert.Equal("bias cannot be initialized: this initializer draws weights [out, in], not a vector [5]", Assert.Throws<InvalidOperationException>(() => store.Initialize(seed: 1)).Message);
        }
    }

    private static void Refuses(string message, Func<object> act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);

    private ParameterStore Allocated()
    {
        if (!_store.Weights.Exists)
        {
            _store.Add(0, "weight", new Shape(4), Initializers.Zeros);
            _store.Allocate(_device, training: true);
        }
        return _store;
    }
}
