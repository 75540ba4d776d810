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

/// <summary>A training loop as a user of the library writes it: no pointers.</summary>
public sealed class TrainingStepTests
{
    private const int Rows = 12, Width = 5, Classes = 9;
    private const double Rate = 0.05;

    [Fact]
    public void Run_FortySteps_LossFalls()
    {
        using var model = new Model(threads: 2);
        using var step = model.Build(eager: false);
        step.Run(Rate);
        double first = step.Loss();
        for (int i = 0; i < 40; i++)
            step.Run(Rate);
        Assert.Equal(41, step.Number);
        Assert.InRange(step.Loss(), 0, 0.7 * first);
    }

    [Fact]
    public void Run_EagerPlannedAnyThreads_TrainsToTheSameBits()
    {
        float[] expected = Train(threads: 1, eager: false);
        Assert.Equal(expected, Train(threads: 1, eager: true));
        Assert.Equal(expected, Train(threads: 3, eager: false));
    }

    // A resumed training goes on with the number of its next update: the correction of the rates and the dropout depend on it.
    [Fact]
    public void Number_OfAResumedTraining_GoesOn()
    {
        float[] expected = Train(threads: 1, eager: false);
        Assert.Equal(expected, TrainResumed(static i => i));
        Assert.NotEqual(expected, TrainResumed(static _ => 0));

        static float[] TrainResumed(Func<int, long> number)
        {
            using var model = new Model(threads: 1);
            for (int i = 0; i < 6; i++)
            {
                using var step = model.Build(eager: false);
                step.Number = number(i);
                step.Run(Rate);
            }
            return model.Weights();
        }
    }

    // Two steps on the same parameters in turn. What one alone trains may not move by its old gradient in the other one.
    [Fact]
    public void Run_StepThatLeavesAParameterOut_HasNoGradientOfTheStepBefore()
    {
        using var model = new Model(threads: 1);
        using var both = model.Build(eager: false);
        using var biasAlone = TrainingStep.Build(model.Device, model.Store, optimizer: null, model.Inputs,
            tape => MultiLabelLoss.Forward(tape, tape.Use(model.Other), model.Inputs["labels"], default));
        Assert.All(model.Gradient("map.weight"), static value => Assert.Equal(0, value));
        both.Run(Rate);
        Assert.Contains(model.Gradient("map.weight"), static value => value != 0);
        Assert.All(model.Gradient("other"), static value => Assert.Equal(0, value));
        biasAlone.Run();
        Assert.All(model.Gradient("map.weight"), static value => Assert.Equal(0, value));
        Assert.Contains(model.Gradient("other"), static value => value != 0);
        both.Run(Rate);
        Assert.All(model.Gradient("other"), static value => Assert.Equal(0, value));
    }

    [Fact]
    public void InferenceStep_OfTheSameCode_ReadsTheResult()
    {
        using var model = new Model(threads: 1);
        using var logits = InferenceStep.Build(model.Device, model.Inputs, model.Logits);
        using var loss = InferenceStep.Build(model.Device, model.Inputs, model.Loss);
        using var training = model.Build(eager: false, dropProbability: 0);
        logits.Run();
        loss.Run();
        training.Run(0);
        Assert.Equal(Rows * Classes, model.Device.Read<float>(logits.Result).Length);
        Assert.Equal(training.Loss(), model.Device.Read<float>(loss.Result)[0]);
    }

    private static float[] Train(int threads, bool eager)
    {
        using var model = new Model(threads);
        using var step = model.Build(eager);
        for (int i = 0; i < 6; i++)
            step.Run(Rate);
        return model.Weights();
    }

    private sealed class Model : IDisposable
    {
        private readonly Dense _map;
        private readonly Adam _adam;
        private float _dropProbability;

        public Model(int threads)
        {
            Device = new CpuDevice(threads);
            _map = new Dense(Store, "map", Width, Classes);
            Other = Store.Add(0, "other", new Shape(Rows, Classes), Initializers.Zeros);
            Store.Allocate(Device, training: true);
            Store.Initialize(seed: 1);
            _adam = new Adam(Device, Store, epsilon: 1e-8);
            Inputs = new StepInputs(Device, new("x", new Shape(Rows, Width)), new("labels", new Shape(Rows, 1), ElementType.Int32));
            Inputs.Upload<float>("x", [.. Enumerable.Range(0, Rows * Width).Select(static i => (float)Philox.Uniform(5, 0, 0, i) - 0.5f)]);
            Inputs.Upload<uint>("labels", [.. Enumerable.Range(0, Rows).Select(static i => 1u << i % Classes)]);
        }

        public CpuDevice Device { get; }

        public ParameterStore Store { get; } = new();

        public Parameter Other { get; }

        public StepInputs Inputs { get; }

        public TrainingStep Build(bool eager, float dropProbability = 0.2f)
        {
            _dropProbability = dropProbability;
            return TrainingStep.Build(Device, Store, _adam, Inputs, Loss, seed: 3, eager);
        }

        public Tensor Loss(Tape tape) => MultiLabelLoss.Forward(tape, Logits(tape), Inputs["labels"], default);

        public Tensor Logits(Tape tape) => _map.Forward(tape, Dropout.Forward(tape, Inputs["x"], site: 1, _dropProbability));

        public float[] Weights() => Device.Read<float>(Store.Weights);

        public float[] Gradient(string name) => Device.Read<float>(Store.Parts().Single(part => part.Name == name).Gradient);

        public void Dispose()
        {
            Inputs.Dispose();
            _adam.Dispose();
            Store.Dispose();
            Device.Dispose();
        }
    }
}
