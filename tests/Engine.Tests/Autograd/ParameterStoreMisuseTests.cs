using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Autograd;

/// <summary>A store refuses values that do not fit and calls in the wrong order.</summary>
public sealed class ParameterStoreMisuseTests : IDisposable
{
    private const string NoMemory = "the parameter store has no memory yet: call Allocate first";
    private const string HasMemory = "the parameter store has memory already: declare everything first, then call Allocate once";

    private readonly CpuDevice _device = new(threads: 1);
    private readonly ParameterStore _store = new();
    private readonly Parameter _first, _second;
    private readonly StateTensor _state;

    public ParameterStoreMisuseTests()
    {
        _first = _store.Add(0, "first", new Shape(4), Initializers.Zeros);
        _second = _store.Add(0, "second", new Shape(16), Initializers.Zeros);
        _state = _store.StackState(new Shape(3), [("state", new Shape(3))], 0);
    }

    public void Dispose()
    {
        _store.Dispose();
        _device.Dispose();
    }

    [Theory, InlineData(0), InlineData(3), InlineData(5), InlineData(20)]
    public void Upload_AnotherNumberOfValues_IsRefusedAndWritesNothing(int values)
    {
        Prepare();
        float[] ones = [.. Enumerable.Repeat(1f, values)];
        Assert.Equal($"{values} values do not fill a part [4]", Assert.Throws<ArgumentException>(() => _store.Upload(ones, _first.Value)).Message);
        Assert.All(_device.Read<float>(_store.Weights), static value => Assert.Equal(0, value));
    }

    [Fact]
    public void Upload_TensorOfAnotherBlock_IsRefused()
    {
        Prepare(ElementType.BFloat16);
        using var arena = new Arena(_device, 1024);
        foreach (var tensor in (Tensor[])[arena.Allocate(new Shape(4)), _first.Copy, default])
            Assert.Contains("is no part of the store's weights and states", Assert.Throws<ArgumentException>(() => _store.Upload(new float[4], tensor)).Message);
        _store.Upload([1, 2], _second.Value.Slice(14, new Shape(2)));
        _store.Upload([1, 2, 3], _state.Value);
        Assert.Equal([1, 2], _device.Read<float>(_second.Value)[14..]);
    }

    [Fact]
    public void EveryCall_BeforeAllocate_IsRefused()
    {
        using var arena = new Arena(_device, 1024);
        using var tape = new Tape(_device.Stream, arena);
        Refuses(NoMemory, () => _store.Initialize(seed: 1));
        Refuses(NoMemory, () => _store.Upload(new float[4], _first.Value));
        Refuses(NoMemory, () => tape.Use(_first));
        Refuses(NoMemory, () => new Sgd(_device, _store).Dispose());
        using var inputs = new StepInputs(_device);
        Refuses(NoMemory, () => TrainingStep.Build(_device, _store, null, inputs, static _ => default(Tensor)).Dispose());
    }

    [Fact]
    public void Declaration_AfterAllocate_IsRefused()
    {
        Prepare();
        Refuses(HasMemory, () => _store.Allocate(_device, training: true));
        Refuses(HasMemory, () => _store.Add(0, "third", new Shape(1), Initializers.Zeros));
        Refuses(HasMemory, () => _store.StackState(new Shape(1), [("another", new Shape(1))], 0));
        Refuses(HasMemory, () => _store.AddConstant(new Shape(1), static () => [1]));
    }

    [Fact]
    public void TrainingStep_StoreWithoutGradients_IsRefused()
    {
        _store.Allocate(_device, training: false);
        using var inputs = new StepInputs(_device);
        Refuses("the parameters have no gradients: allocate the store for training", () => TrainingStep.Build(_device, _store, null, inputs, static _ => default(Tensor)).Dispose());
        using var arena = new Arena(_device, 1024);
        using var tape = new Tape(_device.Stream, arena) { Mode = new(Training: true) };
        Refuses("the parameters have no gradients: allocate the store for training", () => tape.Use(_first));
    }

    [Fact]
    public void Allocate_TypeThatIsNoPrecision_IsRefused() =>
        Assert.Contains("Int32 is no precision", Assert.Throws<ArgumentException>(() => _store.Allocate(_device, training: true, ElementType.Int32)).Message);

    private static void Refuses(string message, Action act) => Assert.Equal(message, Assert.Throws<InvalidOperationException>(act).Message);

    private void Prepare(ElementType precision = ElementType.Float32)
    {
        _store.Allocate(_device, training: true, precision);
        _store.Initialize(seed: 1);
    }
}
