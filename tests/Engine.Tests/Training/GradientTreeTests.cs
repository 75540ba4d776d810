using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Training;

/// <summary>Gradients of the parts of a batch are added in a binary tree.</summary>
public sealed class GradientTreeTests : IDisposable
{
    private const int Rows = 4, Width = 5, Classes = 9;

    private readonly CpuDevice _device = new(threads: 2);
    private readonly ParameterStore _store = new();
    private readonly Dense _map;
    private readonly Parameter _other;
    private readonly StepInputs _inputs;

    public GradientTreeTests()
    {
        _map = new Dense(_store, "map", Width, Classes);
        _other = _store.Add(0, "other", new Shape(Rows, Classes), Initializers.Zeros);
        _store.Allocate(_device, training: true);
        _store.Initialize(seed: 1);
        _inputs = new StepInputs(_device, new("x", new Shape(Rows, Width)), new("labels", new Shape(Rows, 1), ElementType.Int32));
        _inputs.Upload<uint>("labels", [.. Enumerable.Range(0, Rows).Select(static i => 1u << i % Classes)]);
    }

    public void Dispose()
    {
        _inputs.Dispose();
        _store.Dispose();
        _device.Dispose();
    }

    // ((0 1) (2 3)) ((4 5) (6 7)) ... A last part without a neighbour is added to the sums on its left, the nearest
    // first.
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(13)]
    public void Add_AnyNumberOfParts_AddsInABinaryTree(int parts)
    {
        float[][] gradients = new float[parts][];
        using (var alone = Build(tree: null, static terms => terms))
        {
            for (int part = 0; part < parts; part++)
            {
                Upload(part);
                alone.Run();
                gradients[part] = Gradients();
            }
        }
        using var tree = new GradientTree(_device, _store, parts);
        using var step = Build(tree, static terms => terms with { IsSum = true }); // the weights of parts are those of a whole batch
        for (int update = 0; update < 2; update++)
        {
            for (int part = 0; part < parts; part++)
            {
                Assert.Equal(part, tree.Next);
                Upload(part);
                step.Run();
            }
            Assert.Equal(Tree(gradients), Gradients());
        }
    }

    [Fact]
    public void Losses_OfMeanAndSum_AreThoseOfTheBatch()
    {
        const int Parts = 3;
        float[] values = new float[Parts];
        using (var alone = Build(tree: null, static terms => terms))
        {
            for (int part = 0; part < Parts; part++)
            {
                Upload(part);
                alone.Run();
                values[part] = alone.Losses.Read(_device)[0];
            }
        }
        float sum = values[0] + values[1] + values[2];
        foreach (bool isSum in new[] { true, false })
        {
            using var tree = new GradientTree(_device, _store, Parts);
            using var step = Build(tree, terms => terms with { IsSum = isSum });
            for (int part = 0; part < Parts; part++)
            {
                Upload(part);
                step.Run();
            }
            Assert.Equal([isSum ? sum : sum / Parts], step.Losses.Read(_device));
            Assert.Equal(2.0 * (isSum ? sum : sum / Parts), step.Loss());
        }
    }

    // An update whose first part trains a parameter that no part of the next update trains.
    [Fact]
    public void Run_StepThatLeavesAParameterOut_HasNoGradientOfTheUpdateBefore()
    {
        using var tree = new GradientTree(_device, _store, parts: 2);
        Upload(0);
        using var both = Build(tree, static terms => terms);
        using var alone = TrainingStep.Build(_device, _store, optimizer: null, _inputs, tape => MultiLabelLoss.Forward(tape, tape.Use(_other), _inputs["labels"], default), tree: tree);
        both.Run();
        alone.Run();
        Assert.Contains(Gradient("map.weight"), static value => value != 0);
        Assert.Contains(Gradient("other"), static value => value != 0);
        alone.Run();
        alone.Run();
        Assert.All(Gradient("map.weight"), static value => Assert.Equal(0, value));
    }

    [Fact]
    public void Number_OfAStepWithParts_CountsUpdates()
    {
        using var tree = new GradientTree(_device, _store, parts: 3);
        using var adam = new Adam(_device, _store);
        using var step = TrainingStep.Build(_device, _store, adam, _inputs, tape => MultiLabelLoss.Forward(tape, tape.Use(_other), _inputs["labels"], default), tree: tree);
        float[] before = _device.Read<float>(_store.Weights);
        long[] numbers = new long[4];
        for (int run = 0; run < numbers.Length; run++)
        {
            step.Run(0.1);
            numbers[run] = step.Number;
            Assert.Equal(run < 2, before.AsSpan().SequenceEqual(_device.Read<float>(_store.Weights)));
        }
        Assert.Equal([0, 0, 1, 1], numbers);
    }

    [Fact]
    public void Arguments_OutOfRange_Throw()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new GradientTree(_device, _store, parts: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GradientTree(_device, _store, GradientTree.MostParts + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GradientTree(_device, _store, parts: 2, sides: 0));
        using var tree = new GradientTree(_device, _store, parts: 2, sides: 3);
        string message = Assert.Throws<ArgumentException>(() => TrainingStep.Build(_device, _store, optimizer: null, _inputs,
            tape => MultiLabelLoss.Forward(tape, _map.Forward(tape, Dropout.Forward(tape, _inputs["x"], site: 1, dropProbability: 0.5f)), _inputs["labels"], default), tree: tree)).Message;
        Assert.StartsWith("dropout of 20 elements in 3 equal runs", message, StringComparison.Ordinal);
    }

    private static float[] Tree(ReadOnlySpan<float[]> parts)
    {
        if (parts.Length == 1)
            return parts[0];
        int left = 1;
        while (2 * left < parts.Length)
            left *= 2;
        return [.. Tree(parts[..left]).Zip(Tree(parts[left..]), static (a, b) => a + b)];
    }

    private TrainingStep Build(GradientTree? tree, Func<LossTerm, LossTerm> change) => TrainingStep.Build(_device, _store, optimizer: null, _inputs,
        tape => new LossTerms(change(new LossTerm("loss", 2, MultiLabelLoss.Forward(tape, _map.Forward(tape, _inputs["x"]), _inputs["labels"], default)))), tree: tree);

    private void Upload(int part) =>
        _inputs.Upload<float>("x", [.. Enumerable.Range(0, Rows * Width).Select(i => (float)Philox.Uniform(5, 0, (uint)part, i) - 0.5f)]);

    private float[] Gradients() => _device.Read<float>(_store.Gradients);

    private float[] Gradient(string name) => _device.Read<float>(_store.Parts().Single(part => part.Name == name).Gradient);
}
