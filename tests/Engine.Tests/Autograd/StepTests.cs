using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Autograd;

/// <summary>A small model with all parts of a step: fan-out, a parameter used twice, dropout, shared work.</summary>
[Collection(nameof(StepTests))]
[CollectionDefinition(nameof(StepTests), DisableParallelization = true)] // allocations are counted in the whole process
public sealed unsafe class StepTests
{
    private const int Rows = 40, Width = 24;

    // The loss of sum(y * bias): every row of dY is the bias, which is what a product without any k writes.
    private static readonly Rule<LossState> Loss = new(static (Tape tape, in LossState s) => tape.Stream.Run(MatMulKernels.Multiply, new MatMulArgs
    {
        C = tape.GradientToWrite(s.Y, out int add).Floats, LdC = Width, Bias = s.Weights.Floats, M = Rows, N = Width, Batch = 1, Add = add,
    }));

    private readonly record struct LossState(Tensor Y, Tensor Weights);

    [Fact]
    public void Run_EagerAndPlannedWithAnyThreads_GivesTheSameBits()
    {
        float[] expected = Gradients(threads: 1, eager: false);
        Assert.DoesNotContain(expected, float.IsNaN);
        Assert.Contains(expected, static value => value != 0);
        Assert.Equal(Bits(expected), Bits(Gradients(threads: 1, eager: true)));
        Assert.Equal(Bits(expected), Bits(Gradients(threads: 3, eager: false)));
        Assert.Equal(Bits(expected), Bits(Gradients(threads: 3, eager: true)));
    }

    [Fact]
    public void Replay_HundredTimes_AllocatesNothing()
    {
        using var model = new Model(threads: 2, eager: false);
        for (int warm = 0; warm < 100; warm++)
            model.Step.Run();
        // Once may be disturbed by the runtime compiling a hot method again; steady state is what counts.
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 5 && least > 0; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < 100; i++)
                model.Step.Run();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.Equal(0, least);
    }

    [Fact]
    public void Build_OnTheCountingDevice_SizesTheArenaAndCountsTheWork()
    {
        using var model = new Model(threads: 1, eager: false);
        Assert.InRange(model.Step.ArenaBytes, Rows * Width * sizeof(float), 1 << 20);
        // Two products forward, two for dW, one for dx: the input wants no gradient.
        Assert.Equal(5 * 2.0 * Rows * Width * Width, model.Step.MatMulCost.Flops);
        Assert.True(model.Step.Cost.Flops > model.Step.MatMulCost.Flops);
    }

    private static int[] Bits(float[] values) => [.. values.Select(BitConverter.SingleToInt32Bits)];

    private static float[] Gradients(int threads, bool eager)
    {
        using var model = new Model(threads, eager);
        model.Step.Run();
        model.Step.Run(); // a second run starts from what the first left behind
        return model.Device.Read<float>(model.Store.Gradients);
    }

    private sealed class Model : IDisposable
    {
        private readonly StepInputs _inputs;

        public Model(int threads, bool eager)
        {
            Device = new CpuDevice(threads);
            var weight = Store.Add(0, "weight", new Shape(Width, Width), Uniform);
            var bias = Store.Add(1, "bias", new Shape(Width), Uniform);
            Store.Allocate(Device, training: true);
            Store.Initialize(seed: 3);
            _inputs = new StepInputs(Device, new StepInput("x", new Shape(Rows, Width)));
            _inputs.Upload<float>("x", [.. Enumerable.Range(0, Rows * Width).Select(static i => (float)Philox.Uniform(5, 0, 0, i))]);
            _inputs.Upload(new StepScalars { Step = 7 });
            Step = new Step<Tensor>(Device, new StepMode(Training: true, Seed: 11, eager), _inputs, tape =>
            {
                var x = _inputs["x"];
                Tensor w = tape.Use(weight), b = tape.Use(bias);
                var h = Activation.Forward(tape, Linear.Forward(tape, x, w, b), ActivationKind.Gelu);
                h = Dropout.Forward(tape, h, site: 1, dropProbability: 0.25f);
                var y = Linear.Forward(tape, h, w, b);
                tape.RecordLoss(Loss, new LossState(y, b));
                if (tape.Training)
                    tape.RunBackward();
                return y;
            });
        }

        public CpuDevice Device { get; }

        public ParameterStore Store { get; } = new();

        public Step<Tensor> Step { get; }

        public void Dispose()
        {
            Step.Dispose();
            _inputs.Dispose();
            Store.Dispose();
            Device.Dispose();
        }

        private static void Uniform(Span<float> values, Shape shape, Func<long, double> uniform)
        {
            for (int i = 0; i < values.Length; i++)
                values[i] = (float)uniform(i) - 0.5f;
        }
    }
}
