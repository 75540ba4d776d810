using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Cuda;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Training;

/// <summary>Memory of inference steps: the bytes of a tensor are used again after its last reader.</summary>
[Collection(CudaMachine.Collection)]
public sealed class InferenceStepTests
{
    private const int B = 2, S = 6, Width = 16, Inner = 40;

    [Fact]
    public void Build_TwiceTheLayers_TakesNoMoreMemory()
    {
        using var device = new CpuDevice(threads: 1);
        using Encoder few = new(device, layers: 3), many = new(device, layers: 6);
        using Step<Tensor> planned = few.Build(), deeper = many.Build(), apart = few.BuildApart(), deeperApart = many.BuildApart();
        Assert.Equal(planned.ArenaBytes, deeper.ArenaBytes);
        Assert.InRange(deeperApart.ArenaBytes, 1.9 * apart.ArenaBytes, 2.1 * apart.ArenaBytes);
        // The widest moment is an activation: its input and its result.
        Assert.InRange(planned.ArenaBytes, 2 * B * S * Inner * sizeof(float), 3 * B * S * Inner * sizeof(float));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_WithAndWithoutSharing_GivesTheSameBits(bool cuda)
    {
        using Device device = cuda ? CudaMachine.Open() : new CpuDevice(threads: 2);
        using var encoder = new Encoder(device, layers: 3);
        using Step<Tensor> planned = encoder.Build(), eager = encoder.Build(eager: true), apart = encoder.BuildApart();
        Assert.Equal(planned.ArenaBytes, eager.ArenaBytes);
        Assert.True(planned.ArenaBytes < apart.ArenaBytes / 3);
        Assert.Equal((apart.ArenaBytes, true), (apart.ArenaFloor, planned.ArenaFloor <= planned.ArenaBytes));
        apart.Run();
        int[] expected = Bits(device, apart.Result);
        Assert.DoesNotContain(expected, static bits => float.IsNaN(BitConverter.Int32BitsToSingle(bits)));
        for (int run = 0; run < 3; run++) // the third run of CUDA replays a graph
        {
            planned.Run();
            eager.Run();
            Assert.Equal(expected, Bits(device, planned.Result));
            Assert.Equal(expected, Bits(device, eager.Result));
        }
    }

    // Later layers have read the first one's result and have used other memory again.
    [Fact]
    public void Run_ResultsAndNotesOfTheMiddle_KeepTheirValues()
    {
        using var device = new CpuDevice(threads: 2);
        using var encoder = new Encoder(device, layers: 5);
        List<(string Name, Tensor Value)> notes = [];
        using var noting = InferenceStep.Build(device, encoder.Inputs, tape =>
        {
            tape.Notes = notes = [];
            return encoder.Forward(tape);
        });
        var noted = notes;
        using var several = InferenceStep.Build(device, encoder.Inputs, encoder.AllLayers, static layers => layers);
        using var apart = new Step<Tensor[]>(device, new StepMode(Training: false), encoder.Inputs, encoder.AllLayers);
        noting.Run();
        several.Run();
        apart.Run();
        Assert.Equal(apart.Result.Select(layer => Bits(device, layer)), several.Result.Select(layer => Bits(device, layer)));
        Assert.Equal(3 * 5, noted.Count);
        Assert.Equal(apart.Result.Select(layer => Bits(device, layer)), noted.Where(static note => note.Name.EndsWith("hidden", StringComparison.Ordinal)).Select(note => Bits(device, note.Value)));
    }

    [Fact]
    public void Build_CodeThatAllocatesOtherTensorsTheSecondTime_Throws()
    {
        using var device = new CpuDevice(threads: 1);
        using var inputs = new StepInputs(device);
        int builds = 0;
        Assert.Contains("than when it was counted", Assert.Throws<InvalidOperationException>(() =>
            InferenceStep.Build(device, inputs, tape => tape.Scratch(new Shape(++builds * 100)))).Message, StringComparison.Ordinal);
    }

    private static int[] Bits(Device device, Tensor tensor) => [.. device.Read<float>(tensor).Select(BitConverter.SingleToInt32Bits)];

    private sealed class Encoder : IDisposable
    {
        private readonly Device _device;
        private readonly ParameterStore _parameters = new();
        private readonly TransformerLayer[] _layers;

        public Encoder(Device device, int layers)
        {
            _device = device;
            _layers = [.. Enumerable.Range(0, layers).Select(i => new TransformerLayer(_parameters, $"{i}", new TransformerOptions(Width, Heads: 2, Inner), site: 1))];
            _parameters.Allocate(device, training: false);
            _parameters.Initialize(seed: 3);
            Inputs = new StepInputs(device, new("x", new Shape(B, S, Width)), new("mask", new Shape(B, S), ElementType.Int32));
            Inputs.Upload<float>("x", [.. Enumerable.Range(0, B * S * Width).Select(static i => (float)Philox.Uniform(5, 0, 0, i))]);
            Inputs.Upload<int>("mask", [.. Enumerable.Repeat(1, B * S)]);
        }

        public StepInputs Inputs { get; }

        public Step<Tensor> Build(bool eager = false) => InferenceStep.Build(_device, Inputs, Forward, eager);

        public Step<Tensor> BuildApart() => new(_device, new StepMode(Training: false), Inputs, Forward);

        public Tensor Forward(Tape tape) => AllLayers(tape)[^1];

        public Tensor[] AllLayers(Tape tape)
        {
            var hidden = new List<Tensor> { Inputs["x"] };
            foreach (var layer in _layers)
                hidden.Add(layer.Forward(tape, hidden[^1], Inputs["mask"]));
            return [.. hidden.Skip(1)];
        }

        public void Dispose()
        {
            Inputs.Dispose();
            _parameters.Dispose();
        }
    }
}
