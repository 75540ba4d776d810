using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Cuda;
using VideoSim.Engine.Training;
using VideoSim.Kernels.Optimizers;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Training;

/// <summary>
/// A store without a block of gradients: backward updates parameters soon after their gradients are complete.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed class UpdateInBackwardTests
{
    private const int Rows = 6, Width = 5, Inner = 7, Classes = 3, Steps = 4;

    // Parameters that a step uses twice, in part, not at all, or without a gradient; with decay and two groups; none
    // of a size that is a multiple of 4.
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Run_AnyUseOfParameters_GivesTheBitsOfTheUpdateAfterBackward(bool cuda, bool usesAdam)
    {
        using Device device = cuda ? CudaMachine.Open() : new CpuDevice(threads: 3);
        float[] expected = Train(keepsGradients: true, eager: false);
        Assert.DoesNotContain(expected, float.IsNaN);
        Assert.Equal(expected, Train(keepsGradients: false, eager: false));
        Assert.Equal(expected, Train(keepsGradients: false, eager: true));

        float[] Train(bool keepsGradients, bool eager)
        {
            using var model = new Model(device, keepsGradients, usesAdam);
            using var step = model.Build(eager);
            List<float> values = [];
            for (int i = 0; i < Steps; i++)
            {
                step.Run([0.05, 0.02]);
                values.AddRange([(float)step.Loss(), model.Optimizer.GradientNorm(), .. model.Values()]);
            }
            return [.. values];
        }
    }

    // Each of the two large parameters is in a launch of its own, with what was complete before it.
    [Fact]
    public void Run_LargeParameters_AreUpdatedBeforeBackwardEnds()
    {
        using var device = new CountingDevice();
        using var model = new Model(device, keepsGradients: false, inner: 2048);
        using var step = model.Build(eager: false);
        step.Run([0, 0]);
        var launches = ((CountingStream)device.Stream).InOrder;
        int[] updates = [.. Enumerable.Range(0, launches.Count).Where(i => launches[i].Kernel == AdamKernels.Update)];
        Assert.Equal(2, updates.Length);
        Assert.Equal(launches.Count - 1, updates[1]);
        Assert.Contains(launches.Take(updates[1]).Skip(updates[0]), static launch => launch.IsProduct); // of the first layer
        Assert.True(step.Step.ArenaBytes < 2 * 4 * 2048 * 2048);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void FindNonFinite_InputThatIsNotFinite_IsThatOfTheUpdateAfterBackward(bool cuda)
    {
        using Device device = cuda ? CudaMachine.Open() : new CpuDevice(threads: 2);
        var kept = Find(keepsGradients: true);
        Assert.Equal((2L, "first"), (kept.Step, kept.Name));
        Assert.Equal(kept, Find(keepsGradients: false));

        (long Step, string Name, long Element) Find(bool keepsGradients)
        {
            using var model = new Model(device, keepsGradients);
            using var step = model.Build(eager: false);
            for (int i = 0; i < Steps; i++)
            {
                Assert.Equal(i > 2, model.Optimizer.FindNonFinite() is not null);
                if (i == 2)
                    model.Upload(x => x[(2 * Width) + 3] = float.PositiveInfinity);
                step.Run([0.05, 0.02]);
            }
            var found = model.Optimizer.FindNonFinite()!.Value;
            Assert.False(float.IsFinite(model.Optimizer.GradientNorm()));
            model.Optimizer.Reset();
            Assert.Null(model.Optimizer.FindNonFinite());
            return (found.Step, model.Store.NameAt(found.Element), found.Element);
        }
    }

    [Fact]
    public unsafe void FindNonFinite_ChunkAfterTheFirst_HasThePlaceInTheFlatBlock()
    {
        const int Element = ParameterBlock.ChunkElements + 77;
        using var device = new CpuDevice(threads: 2);
        using var store = new ParameterStore();
        store.Add(0, "small", new Shape(3), static (values, _, _) => values.Clear());
        var large = store.Add(1, "large", new Shape(2, ParameterBlock.ChunkElements), static (values, _, _) => values.Clear());
        store.Allocate(device, training: true, keepsGradients: false);
        store.Initialize(seed: 1);
        using var sgd = new Sgd(device, store);
        using var inputs = new StepInputs(device);
        using var arena = new Arena(device, Arena.BytesOf(large.Shape, default));
        var gradient = arena.Allocate(large.Shape);
        float[] values = [.. Enumerable.Repeat(2f, (int)large.Shape.Count)];
        values[Element] = float.NaN;
        device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), gradient.Address);
        var scalars = new StepScalars { Step = 6 };
        sgd.WriteRates(ref scalars, 6, [0.5, 0.25]);
        inputs.Upload(scalars);
        sgd.Update(device.Stream, inputs.Scalars, [(large, gradient)]);
        Assert.Equal(new NonFiniteGradient(6, large.Offset + Element), sgd.FindNonFinite());
        Assert.All(device.Read<float>(large.Value).Where(static (_, i) => i != Element), static value => Assert.Equal(-0.5f, value));
        Assert.All(device.Read<float>(store.Parameters[0].Value), static value => Assert.Equal(0, value));
    }

    // Two steps of one store: what one of them does not write is 0 for it.
    [Fact]
    public void Run_StepsThatUseOtherParts_SeeNoGradientsOfEachOther()
    {
        using var device = new CpuDevice(threads: 1);
        float[] expected = Train(keepsGradients: true);
        Assert.Equal(expected, Train(keepsGradients: false));

        float[] Train(bool keepsGradients)
        {
            using var model = new Model(device, keepsGradients);
            using TrainingStep first = model.Build(eager: false), second = model.Build(eager: false, firstRow: Classes);
            for (int i = 0; i < Steps; i++)
                (i % 2 == 0 ? first : second).Run([0.05, 0.02]);
            return model.Values();
        }
    }

    [Fact]
    public void Build_WhatNeedsAllGradients_IsRefused()
    {
        using var device = new CpuDevice(threads: 1);
        using var model = new Model(device, keepsGradients: false);
        Action[] calls =
        [
            () => _ = new Adam(device, model.Store, maxGradientNorm: 1),
            () => _ = new GradientTree(device, model.Store, parts: 2),
            () => TrainingStep.Build(device, model.Store, optimizer: null, model.Inputs, model.Loss),
            () => TrainingStep.Build(device, model.Store, model.Optimizer, model.Inputs, model.Loss, keepsValues: true),
        ];
        Assert.All(calls, static call => Assert.StartsWith("the store does not keep gradients: ", Assert.Throws<InvalidOperationException>(call).Message));
        Assert.False(model.Store.Gradients.Exists || model.Partial.Gradient.Exists);
    }

    private sealed class Model : IDisposable
    {
        private readonly Device _device;
        private readonly Parameter _first, _twice, _unread;
        private readonly int _inner;
        private int _firstRow;

        public Model(Device device, bool keepsGradients, bool usesAdam = true, int inner = Inner)
        {
            (_device, _inner) = (device, inner);
            _first = Add(0, "first", new Shape(inner, Width));
            Add(0, "unused vector", new Shape(3));
            _twice = Add(1, "twice", new Shape(inner, inner));
            Partial = Add(1, "partial", new Shape(2 * Classes, inner));
            Add(1, "unused", new Shape(3, 5));
            _unread = Add(1, "unread", new Shape(Classes, inner));
            Store.Allocate(device, training: true, keepsGradients: keepsGradients);
            Store.Initialize(seed: 3);
            Optimizer = usesAdam ? new Adam(device, Store, epsilon: 1e-3, weightDecays: [0.1, 0.2]) : new Sgd(device, Store, momentum: 0.9);
            // The moments of an earlier training still change parameters that have no gradient.
            foreach (var parameter in usesAdam ? Store.Parameters : [])
            {
                foreach (var moment in Moments(parameter))
                    device.Upload(MemoryMarshal.AsBytes(Draw(1, parameter.Shape).AsSpan()), moment.Address);
            }
            Inputs = new StepInputs(device, new("x", new Shape(Rows, Width)), new("target", new Shape(Rows, Classes)));
            Inputs.Upload<float>("target", Draw(2, new Shape(Rows, Classes)));
            Upload(static _ => { });
        }

        public ParameterStore Store { get; } = new();

        public Parameter Partial { get; }

        public Optimizer Optimizer { get; }

        public StepInputs Inputs { get; }

        public void Upload(Action<float[]> change)
        {
            float[] x = Draw(4, new Shape(Rows, Width));
            change(x);
            Inputs.Upload<float>("x", x);
        }

        public TrainingStep Build(bool eager, int firstRow = 0)
        {
            _firstRow = firstRow;
            return TrainingStep.Build(_device, Store, Optimizer, Inputs, Loss, eager: eager);
        }

        public Tensor Loss(Tape tape)
        {
            var hidden = Linear.Forward(tape, Linear.Forward(tape, Inputs["x"], tape.Use(_first)), tape.Use(_twice));
            hidden = Linear.Forward(tape, hidden, tape.Use(_twice));
            Linear.Forward(tape, hidden, tape.Use(_unread));
            return SquaredError.Forward(tape, Linear.Forward(tape, hidden, tape.Use(Partial, _firstRow * _inner, new Shape(Classes, _inner))), Inputs["target"]);
        }

        // Without the gaps between parameters.
        public float[] Values() => [.. Store.Parameters.SelectMany(parameter => Moments(parameter).Prepend(parameter.Value).SelectMany(tensor => _device.Read<float>(tensor)))];

        public void Dispose()
        {
            Inputs.Dispose();
            Optimizer.Dispose();
            Store.Dispose();
        }

        private Parameter Add(int group, string name, Shape shape) => Store.Add(group, name, shape, static (values, _, uniform) =>
        {
            for (int i = 0; i < values.Length; i++)
                values[i] = (float)uniform(i) - 0.5f;
        });

        private IEnumerable<Tensor> Moments(Parameter parameter) =>
            Optimizer is Adam adam ? [adam.FirstMoment.Slice(parameter.Offset, parameter.Shape), adam.SecondMoment.Slice(parameter.Offset, parameter.Shape)] : [];

        private static float[] Draw(uint site, Shape shape) => [.. Enumerable.Range(0, (int)shape.Count).Select(i => (float)Philox.Uniform(5, 0, site, i))];
    }
}
