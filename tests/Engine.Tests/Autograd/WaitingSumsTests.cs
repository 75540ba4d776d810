using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Cuda;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Optimizers;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Reduce;
using Xunit;

namespace VideoSim.Engine.Tests.Autograd;

/// <summary>Gradients of vectors whose partial sums backward adds up together.</summary>
[Collection(CudaMachine.Collection)]
public sealed class WaitingSumsTests
{
    private const int Rows = 70, Width = 5; // rows of two chunks

    [Theory]
    [InlineData(1, 1)]
    [InlineData(PartialSumKernels.MaxParts, 1)]
    [InlineData(PartialSumKernels.MaxParts + 1, 2)]
    public void Backward_BiasesOfLayers_AreSummedInFewLaunches(int layers, int launches) =>
        Assert.Equal(launches, Launches(layers, layers, updates: false).Count(static launch => launch.Kernel == PartialSumKernels.Run));

    // The second sum adds to the first one, so they cannot be in one launch.
    [Fact]
    public void Backward_BiasOfTwoLayers_IsSummedInTurn() =>
        Assert.Equal(2, Launches(layers: 2, biases: 1, updates: false).Count(static launch => launch.Kernel == PartialSumKernels.Run));

    [Fact]
    public void Backward_WithUpdates_SumsBeforeTheGradientsAreRead()
    {
        var launches = Launches(layers: 4, biases: 4, updates: true);
        Assert.True(launches.FindIndex(static launch => launch.Kernel == PartialSumKernels.Run) < launches.FindIndex(static launch => launch.Kernel == AdamKernels.Update));
        Assert.Single(launches, static launch => launch.Kernel == PartialSumKernels.Run);
    }

    // The gradient of a bias is the sum over rows of dY, in chunks: with weights of 0 all layers but the last one have
    // a gradient of 0, and one that reads an unfinished sum does not.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Backward_BiasOfTwoLayers_HasTheSumOfBoth(bool cuda)
    {
        using Device device = cuda ? CudaMachine.Open() : new CpuDevice(threads: 3);
        float[] shared = Gradient(device, biases: 1), first = Gradient(device, biases: 2, bias: 0), second = Gradient(device, biases: 2, bias: 1);
        Assert.Equal(first.Zip(second, static (a, b) => a + b), shared);
    }

    private static List<CountedLaunch> Launches(int layers, int biases, bool updates)
    {
        using var device = new CountingDevice();
        using var model = new Model(device, layers, biases, keepsGradients: !updates);
        using var adam = updates ? new Adam(device, model.Store) : null;
        using var step = TrainingStep.Build(device, model.Store, adam, model.Inputs, model.Loss);
        step.Run(updates ? [0.1] : []);
        return [.. ((CountingStream)device.Stream).InOrder];
    }

    // The bias is added at two places. Both have the same value, so the gradients of the two places are those of two
    // biases.
    private static float[] Gradient(Device device, int biases, int bias = 0)
    {
        using var model = new Model(device, layers: 2, biases, keepsGradients: true);
        using var step = TrainingStep.Build(device, model.Store, optimizer: null, model.Inputs, model.Loss);
        step.Run([]);
        return device.Read<float>(model.Biases[bias].Gradient);
    }

    private sealed class Model : IDisposable
    {
        private readonly Parameter _weight;
        private readonly int _layers;

        public Model(Device device, int layers, int biases, bool keepsGradients)
        {
            _layers = layers;
            _weight = Store.Add(0, "weight", new Shape(Width, Width), Draw);
            Biases = [.. Enumerable.Range(0, biases).Select(i => Store.Add(0, $"bias {i}", new Shape(Width), static (values, _, _) => values.Fill(0.25f)))];
            Store.Allocate(device, training: true, keepsGradients: keepsGradients);
            Store.Initialize(seed: 3);
            Inputs = new StepInputs(device, new("x", new Shape(Rows, Width)), new("target", new Shape(Rows, Width)));
            Inputs.Upload<float>("x", Values(1));
            Inputs.Upload<float>("target", Values(2));
        }

        public ParameterStore Store { get; } = new();

        public Parameter[] Biases { get; }

        public StepInputs Inputs { get; }

        public Tensor Loss(Tape tape)
        {
            var hidden = Inputs["x"];
            for (int i = 0; i < _layers; i++)
                hidden = Linear.Forward(tape, hidden, tape.Use(_weight), tape.Use(Biases[i % Biases.Length]));
            return SquaredError.Forward(tape, hidden, Inputs["target"]);
        }

        public void Dispose()
        {
            Inputs.Dispose();
            Store.Dispose();
        }

        private static void Draw(Span<float> values, Shape shape, Func<long, double> uniform)
        {
            for (int i = 0; i < values.Length; i++)
                values[i] = (float)uniform(i) - 0.5f;
        }

        private static float[] Values(uint site) => [.. Enumerable.Range(0, Rows * Width).Select(i => (float)Philox.Uniform(5, 0, site, i))];
    }
}
