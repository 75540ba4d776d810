using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Cuda;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Training;

/// <summary>
/// Memory of training steps: the bytes of a tensor are used again after its last reader. Gradients of parameters are
/// such tensors if the store does not keep them.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed class TrainingMemoryTests
{
    private const int B = 2, S = 6, Width = 16, Inner = 40;

    // Forward keeps the activations of all layers for backward. Their gradients live for a few launches only.
    [Fact]
    public void Build_MoreLayers_TakesNoMoreMemoryForGradients()
    {
        using var device = new CpuDevice(threads: 1);
        using Encoder few = new(device, layers: 3), many = new(device, layers: 6);
        using TrainingStep step = few.Build(), deeper = many.Build(), apart = few.Build(keepsValues: true), deeperApart = many.Build(keepsValues: true);
        long layers = deeper.Step.ArenaBytes - step.Step.ArenaBytes, layersApart = deeperApart.Step.ArenaBytes - apart.Step.ArenaBytes;
        Assert.InRange(layers, 0.3 * layersApart, 0.6 * layersApart);
        Assert.InRange(deeper.Step.ArenaFloor, 0.95 * deeper.Step.ArenaBytes, deeper.Step.ArenaBytes);
        Assert.Equal(apart.Step.ArenaBytes, apart.Step.ArenaFloor);
    }

    // With three more layers a store without gradients saves those of three layers.
    [Fact]
    public void Build_UpdateInBackward_TakesMemoryForGradientsOfOneLayer()
    {
        using var device = new CpuDevice(threads: 1);
        long kept = Bytes(6, keepsGradients: true) - Bytes(3, keepsGradients: true), inBackward = Bytes(6, keepsGradients: false) - Bytes(3, keepsGradients: false);
        using Encoder few = new(device, layers: 3), many = new(device, layers: 6);
        Assert.InRange(kept - inBackward, 0.95 * (many.Parameters.GradientBytes - few.Parameters.GradientBytes), kept);
        Assert.Equal(few.Parameters.FlatCount * sizeof(float), few.Parameters.GradientBytes);

        long Bytes(int layers, bool keepsGradients)
        {
            using var encoder = new Encoder(device, layers, keepsGradients: keepsGradients);
            using var step = encoder.Build();
            Assert.Equal(keepsGradients, encoder.Parameters.GradientBytes > 0);
            return encoder.Parameters.Bytes + step.Step.ArenaBytes;
        }
    }

    [Theory]
    [InlineData(false, ElementType.Float32)]
    [InlineData(true, ElementType.Float32)]
    [InlineData(true, ElementType.BFloat16)]
    public void Run_WithAndWithoutSharing_GivesTheSameBits(bool cuda, ElementType precision)
    {
        using Device device = cuda ? CudaMachine.Open() : new CpuDevice(threads: 3);
        float[] expected = Train(device, precision, keepsValues: true, eager: false);
        Assert.DoesNotContain(expected, float.IsNaN);
        Assert.Equal(expected, Train(device, precision, keepsValues: false, eager: false));
        Assert.Equal(expected, Train(device, precision, keepsValues: false, eager: true));
        Assert.Equal(expected, Train(device, precision, keepsValues: false, eager: false, keepsGradients: false));
        Assert.Equal(expected, Train(device, precision, keepsValues: false, eager: true, keepsGradients: false));
    }

    // Products of weights' gradients, and updates, run in a branch. Memory that it uses is free only after its join.
    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.BFloat16)]
    public void Run_BranchesInAnyOrder_GivesTheSameBits(ElementType precision)
    {
        CudaMachine.SkipUnlessEmulator();
        using var device = CudaMachine.Open();
        float[] expected = Train(device, precision, keepsValues: true, eager: true);
        try
        {
            for (ulong order = 0; order < 5; order++)
            {
                CudaMachine.OrderStreams(order);
                foreach (bool keepsGradients in new[] { false, true })
                {
                    Assert.Equal(expected, Train(device, precision, keepsValues: false, eager: false, keepsGradients));
                    Assert.Equal(expected, Train(device, precision, keepsValues: false, eager: true, keepsGradients));
                }
            }
        }
        finally
        {
            CudaMachine.OrderStreams(0);
        }
    }

    // A branch writes the gradient of the weight, and a rule outside of a branch adds to it.
    [Fact]
    public void Run_GradientOfABranchThatIsAddedTo_IsThatOfOneWriterAfterTheOther()
    {
        CudaMachine.SkipUnlessEmulator();
        using var device = CudaMachine.Open();
        float[] expected = Gradient(order: 0);
        Assert.Contains(expected, static value => value != 0);
        for (ulong order = 1; order < 5; order++)
            Assert.Equal(expected, Gradient(order));
        CudaMachine.OrderStreams(0);

        float[] Gradient(ulong order)
        {
            CudaMachine.OrderStreams(order);
            var parameters = new ParameterStore();
            var weight = parameters.Add(0, "weight", new Shape(8, 8), Initializers.GlorotUniform);
            parameters.Allocate(device, training: true);
            parameters.Initialize(seed: 1);
            using var inputs = new StepInputs(device, new("x", new Shape(4, 8)), new("y", new Shape(4, 8)), new("target", new Shape(8, 8)));
            foreach (string name in new[] { "x", "y", "target" })
                inputs.Upload<float>(name, [.. Enumerable.Range(0, (int)inputs[name].Shape.Count).Select(i => (float)Philox.Uniform((ulong)name[0], 0, 0, i))]);
            using var step = TrainingStep.Build(device, parameters, optimizer: null, inputs, tape =>
            {
                var used = tape.Use(weight);
                var apart = SquaredError.Forward(tape, used, inputs["target"]); // its rule runs last
                return new LossTerms(new LossTerm("apart", 1, apart), new LossTerm("product", 1, SquaredError.Forward(tape, Linear.Forward(tape, inputs["x"], used), inputs["y"])));
            });
            for (int run = 0; run < 3; run++)
                step.Run();
            float[] gradient = device.Read<float>(weight.Gradient);
            parameters.Dispose();
            return gradient;
        }
    }

    // The next product and its input gradient begin before the branch is joined.
    [Fact]
    public void Build_DeviceWithBranches_TakesMoreMemory()
    {
        using var plain = new CountingDevice(packsProducts: true);
        using var branched = new CountingDevice();
        Assert.InRange(Bytes(branched), 1.02 * Bytes(plain), 1.5 * Bytes(plain));

        static long Bytes(Device device)
        {
            using var encoder = new Encoder(device, layers: 6, keepsGradients: false);
            using var step = encoder.Build();
            return step.Step.ArenaBytes;
        }
    }

    [Fact]
    public void Place_LifetimesOfAStep_NoTwoThatOverlapShareBytes()
    {
        using var device = CountingDevice.WithOwnAddresses(of: new CountingDevice(packsProducts: true));
        using var encoder = new Encoder(device, layers: 3);
        using var arena = new Arena(device, 1L << 40);
        using var tape = new Tape(device.Stream, arena) { Mode = new StepMode(Training: true) };
        var loss = encoder.Loss(tape);
        tape.RunBackward(new LossTerm("loss", 1, loss));
        var lives = Lifetime.Of(arena, ((CountingStream)device.Stream).InOrder, [loss]);
        var layout = new ArenaLayout(lives);
        long[] offsets = [.. lives.Select((life, i) => layout.OffsetOf(i, life.Bytes))];
        Assert.InRange(layout.Bytes, layout.Floor, 0.7 * lives.Sum(static life => life.Bytes));
        Assert.All(lives, static life => Assert.True(life.First > 0 || life.Last < Lifetime.End, "no launch uses it"));
        for (int i = 0; i < lives.Length; i++)
        {
            for (int j = 0; j < i; j++)
                Assert.True(!lives[i].Overlaps(lives[j]) || offsets[i] + lives[i].Bytes <= offsets[j] || offsets[j] + lives[j].Bytes <= offsets[i], $"{i} and {j} share bytes");
        }
    }

    private static float[] Train(Device device, ElementType precision, bool keepsValues, bool eager, bool keepsGradients = true)
    {
        using var encoder = new Encoder(device, layers: 3, precision, keepsGradients);
        using var step = encoder.Build(keepsValues, eager);
        var values = new List<float>();
        for (int run = 0; run < 3; run++) // the third run of CUDA replays a graph
        {
            step.Run(rate: 0.01);
            values.AddRange([(float)step.Loss(), encoder.Adam.GradientNorm()]);
            foreach (var tensor in new[] { encoder.Parameters.Weights, encoder.Adam.FirstMoment, encoder.Adam.SecondMoment })
                values.AddRange(device.Read<float>(tensor));
        }
        return [.. values];
    }

    private sealed class Encoder : IDisposable
    {
        private readonly Device _device;
        private readonly ElementType _precision;
        private readonly TransformerLayer[] _layers;
        private readonly StepInputs _inputs;

        public Encoder(Device device, int layers, ElementType precision = ElementType.Float32, bool keepsGradients = true)
        {
            (_device, _precision) = (device, precision);
            _layers = [.. Enumerable.Range(0, layers).Select(i => new TransformerLayer(Parameters, $"{i}", new TransformerOptions(Width, Heads: 2, Inner), site: (uint)(10 * i)))];
            Parameters.Allocate(device, training: true, precision, keepsGradients);
            Parameters.Initialize(seed: 3);
            Adam = new Adam(device, Parameters, epsilon: 1e-3);
            _inputs = new StepInputs(device, new("x", new Shape(B, S, Width), precision), new("target", new Shape(B, S, Width)), new("mask", new Shape(B, S), ElementType.Int32));
            float[] x = [.. Enumerable.Range(0, B * S * Width).Select(static i => (float)Philox.Uniform(5, 0, 0, i))];
            if (precision == ElementType.Float32)
                _inputs.Upload<float>("x", x);
            else
                _inputs.Upload<BFloat16>("x", [.. x.Select(static value => new BFloat16(value))]);
            _inputs.Upload<float>("target", [.. x.Reverse()]);
            _inputs.Upload<int>("mask", [.. Enumerable.Repeat(1, B * S)]);
        }

        public ParameterStore Parameters { get; } = new();

        public Adam Adam { get; }

        public TrainingStep Build(bool keepsValues = false, bool eager = false) =>
            TrainingStep.Build(_device, Parameters, Adam, _inputs, Loss, seed: 7, eager, _precision, keepsValues: keepsValues);

        public Tensor Loss(Tape tape)
        {
            var hidden = _inputs["x"];
            foreach (var layer in _layers)
                hidden = layer.Forward(tape, hidden, _inputs["mask"]);
            return SquaredError.Forward(tape, hidden, _inputs["target"]);
        }

        public void Dispose()
        {
            _inputs.Dispose();
            Adam.Dispose();
            Parameters.Dispose();
        }
    }
}
