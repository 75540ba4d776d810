using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Training;

/// <summary>What does not belong together is refused when a step is built or given its rates.</summary>
public sealed class StepArgumentsTests : IDisposable
{
    private readonly CpuDevice _device = new(threads: 1), _other = new(threads: 1);
    private readonly ParameterStore _store = new(), _otherStore = new();
    private readonly Parameter _weight, _otherWeight;
    private readonly Sgd _sgd, _otherSgd;
    private readonly StepInputs _inputs, _otherInputs;

    public StepArgumentsTests()
    {
        (_weight, _sgd, _inputs) = Prepare(_device, _store);
        (_otherWeight, _otherSgd, _otherInputs) = Prepare(_other, _otherStore);
    }

    public void Dispose()
    {
        foreach (var owner in (IDisposable[])[_inputs, _otherInputs, _sgd, _otherSgd, _store, _otherStore, _device, _other])
            owner.Dispose();
    }

    [Fact]
    public void Build_PartsOfTwoDevices_IsRefused()
    {
        Refuses("the inputs are on", () => Build(_device, _store, _sgd, _otherInputs));
        Refuses("the parameters are on", () => Build(_device, _otherStore, null, _inputs));
        Refuses("the optimizer changes the parameters of another store", () => Build(_device, _store, _otherSgd, _inputs));
        Refuses("the parameters are on", () => new Sgd(_device, _otherStore));
        Refuses("the inputs are on", () => InferenceStep.Build(_device, _otherInputs, tape => tape.Use(_weight)));
        Refuses("the parameters are on", () => InferenceStep.Build(_device, _inputs, tape => tape.Use(_otherWeight)));
        Build(_device, _store, _sgd, _inputs).Dispose();
    }

    [Theory]
    [InlineData(ElementType.Int32, "Int32 is no precision")]
    [InlineData(ElementType.Float16, "Float16 is no precision")]
    [InlineData(ElementType.BFloat16, "does not support bf16 steps")]
    public void Build_PrecisionThatTheDeviceLacks_IsRefused(ElementType precision, string message) =>
        Refuses(message, () => Build(_device, _store, _sgd, _inputs, precision));

    [Fact]
    public void Build_Null_IsRefusedByName()
    {
        Null("device", () => Build(null!, _store, _sgd, _inputs));
        Null("parameters", () => Build(_device, null!, _sgd, _inputs));
        Null("inputs", () => Build(_device, _store, _sgd, null!));
        Null("loss", () => TrainingStep.Build(_device, _store, _sgd, _inputs, (Func<Tape, Tensor>)null!));
        Null("losses", () => TrainingStep.Build(_device, _store, _sgd, _inputs, (Func<Tape, LossTerms>)null!));
        Null("device", () => InferenceStep.Build(null!, _inputs, static _ => default));
        Null("inputs", () => InferenceStep.Build(_device, null!, static _ => default));
        Null("build", () => InferenceStep.Build(_device, _inputs, null!));
        Null("read", () => InferenceStep.Build(_device, _inputs, static _ => default(Tensor), read: null!));
        Null("parameters", () => new Sgd(_device, null!));

        static void Null(string name, Func<object> act) => Assert.Equal(name, Assert.Throws<ArgumentNullException>(act).ParamName);
    }

    [Theory, InlineData(0), InlineData(1), InlineData(3)]
    public void Run_AnotherNumberOfRatesThanGroups_IsRefusedAndNotCounted(int rates)
    {
        using var step = Build(_device, _store, _sgd, _inputs);
        float[] before = _device.Read<float>(_store.Weights);
        var failure = Assert.Throws<ArgumentException>(() => step.Run(new double[rates]));
        Assert.Equal($"the number of learning rates is {rates}, that of parameter groups is 2: each group needs its own rate", failure.Message);
        Assert.Throws<ArgumentException>(() => step.Run(rate: 0.1));
        Assert.Equal(0, step.Number);
        Assert.Equal(before, _device.Read<float>(_store.Weights));
        step.Run([0.1, 0.1]);
        Assert.Equal(1, step.Number);
    }

    // An eager step has no values before it has run.
    [Fact]
    public void Loss_EagerStepThatHasNotRun_IsRefused()
    {
        using var step = Build(_device, _store, _sgd, _inputs, eager: true);
        Assert.Equal("an eager step has no result before its first run", Assert.Throws<InvalidOperationException>(() => step.Loss()).Message);
        Assert.Throws<InvalidOperationException>(() => step.Losses);
        step.Run([0.1, 0.1]);
        Assert.True(double.IsFinite(step.Loss()));
    }

    private TrainingStep Build(Device device, ParameterStore store, Optimizer? optimizer, StepInputs inputs, ElementType precision = ElementType.Float32, bool eager = false) =>
        TrainingStep.Build(device, store, optimizer, inputs, tape => SoftmaxCrossEntropy.Forward(tape, tape.Use(_weight), _inputs["labels"]), eager: eager, precision: precision);

    private static (Parameter, Sgd, StepInputs) Prepare(Device device, ParameterStore store)
    {
        var weight = store.Add(0, "weight", new Shape(2, 3), static (values, _, _) => values.Fill(1));
        store.Add(1, "bias", new Shape(3), static (values, _, _) => values.Fill(1));
        store.Allocate(device, training: true);
        store.Initialize(seed: 1);
        var inputs = new StepInputs(device, new StepInput("labels", new Shape(2), ElementType.Int32));
        inputs.Upload<int>("labels", [0, 1]);
        return (weight, new Sgd(device, store), inputs);
    }

    private static void Refuses(string message, Func<object> act) => Assert.Contains(message, Assert.Throws<ArgumentException>(act).Message);
}
