using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Tensors;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Operators on bf16 tensors of the device against fp32 on the CPU, with the same inputs: results and all gradients, which may differ by what a
/// few roundings to 8 bits do.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class BFloat16OperatorTests
{
    private const int Experts = 3, Rows = 5, Positions = 4, Width = 24, Classes = 43;
    private const double Tolerance = 4.0 / 256; // of the largest value of a tensor: a few units in the last place of bf16

    private static readonly Dictionary<string, Case> Cases = new()
    {
        ["add"] = new([new(Rows, Width), new(Rows, Width)], static (tape, t, _) => Add.Forward(tape, t[0], t[1])),
        ["multiply"] = new([new(Rows, Width), new(Rows, Width)], static (tape, t, _) => Multiply.Forward(tape, t[0], t[1])),
        ["mixture"] = new([new(Experts, Rows, Width), new(Rows, Experts)], static (tape, t, _) => Mixture.Forward(tape, t[0], t[1])),
        ["l2-normalize"] = new([new(Rows, Width)], static (tape, t, _) => L2Normalize.Forward(tape, t[0])),
        ["softmax"] = new([new(Rows, Experts)], static (tape, t, _) => Softmax.Forward(tape, t[0])),
        ["sigmoid-gate"] = new([new(Rows, Width), new(Rows, Width)], static (tape, t, _) => SigmoidGate.Forward(tape, t[0], t[1])),
        ["concat-dropout"] = new([new(Experts, Rows, Width), new(Rows, 2 * Width)], static (tape, t, _) => ConcatDropout.Forward(tape, t[0], t[1], site: 2, 0)),
        ["mean-pool"] = new([new(Rows, Positions, Width)], static (tape, t, _) => MeanPool.Forward(tape, t[0])),
        ["max-position"] = new([new(Rows, Positions, Width)], static (tape, t, _) => MaxPosition.Forward(tape, t[0])),
        ["select-position"] = new([new(Rows, Positions, Width)], static (tape, t, _) => SelectPosition.Forward(tape, t[0], 1)),
        ["gather-rows"] = new([new(Rows, Positions, Width)], static (tape, t, put) => GatherRows.Forward(tape, t[0], put.Integers([1, 4, 4, 9, 20]), Positions)),
        ["pair-loss"] = new([new(2 * Rows, Width)], static (tape, t, put) =>
        {
            var terms = PairLoss.Forward(tape, t[0], put.Floats(Rows));
            return [terms.SquaredError, terms.Kl];
        }),
        ["contrastive-loss"] = new([new(Experts, Rows, Width), new(Rows, Width)], static (tape, t, _) => [ContrastiveLoss.Forward(tape, t[0], t[1], 0.5f)]),
        ["multi-label-loss"] = new([new(Rows, Width)], static (tape, t, put) => [MultiLabelLoss.Forward(tape, t[0], put.Labels(), new LabelFocus(0, 1, 0))]),
        ["multi-label-loss, consistent"] = new([new(Rows, Width), new(Experts, Rows, Width)], static (tape, t, put) =>
        {
            var terms = MultiLabelLoss.Forward(tape, t[0], t[1], put.Labels(), new LabelFocus(0, 1, 0), new HeadConsistency(2, 1e-8f));
            return [terms.Mixture, terms.Experts, terms.Consistency];
        }),
        ["squared-error"] = new([new(Rows)], static (tape, t, put) => [SquaredError.Forward(tape, t[0], put.Floats(Rows))]),
        ["softmax-cross-entropy"] = new([new(Rows, Classes)], static (tape, t, put) => [SoftmaxCrossEntropy.Forward(tape, t[0], put.Integers([0, 7, 42, 13, 1]))]),
        ["table-cross-entropy"] = new([new(Rows, Width), new(Classes, Width)], static (tape, t, put) =>
            [TableCrossEntropy.Forward(tape, t[0], t[1], put.Values(tape.Scratch(new Shape(Classes), t[0].Type), site: 51, -1, 1), put.Integers([0, 7, 42, 13, 1]), put.Floats(Rows))]),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    private delegate Tensor Operator(Tape tape, Tensor[] inputs, Inputs put);

    private delegate Tensor[] Loss(Tape tape, Tensor[] inputs, Inputs put);

    private sealed record Case(Shape[] Inputs, Loss Forward, bool IsLoss = true)
    {
        public Case(Shape[] inputs, Operator forward) : this(inputs, (tape, t, put) => [forward(tape, t, put)], IsLoss: false)
        {
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Operator_InBFloat16_FollowsFloat32(string name)
    {
        using var cpu = new CpuDevice(threads: 1);
        using var device = CudaMachine.Open();
        var expected = Run(cpu, Cases[name], ElementType.Float32);
        var actual = Run(device, Cases[name], ElementType.BFloat16);
        for (int i = 0; i < expected.Count; i++)
        {
            double largest = expected[i].Max(Math.Abs);
            Assert.True(largest > 0, $"result {i} is nothing but 0");
            double error = expected[i].Zip(actual[i], static (x, y) => Math.Abs((double)x - y)).Max();
            Assert.True(error <= Tolerance * largest, $"{(i == 0 ? "the result" : $"the gradient of input {i - 1}")} is off by {error:E2}, its largest value is {largest:E2}");
        }
    }

    // The result, then the gradient of each input.
    private static List<float[]> Run(Device device, Case operation, ElementType type)
    {
        using var arena = new Arena(device, 4 << 20);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true, Precision: type) };
        var put = new Inputs(device, tape);
        Tensor[] inputs = [.. operation.Inputs.Select((shape, i) => put.Values(tape.Result(shape, differentiable: true, type), (uint)i, -2, 2))];
        var y = operation.Forward(tape, inputs, put);
        if (!operation.IsLoss)
            put.Values(tape.GradientToWrite(y[0], out _), site: 99, -1, 1);
        tape.RunBackward(operation.IsLoss ? [.. y.Select(static (term, i) => new LossTerm($"term {i}", 1 + 3 * i, term))] : []);
        return [y.SelectMany(part => TensorValues.Read(device, part)).ToArray(), .. inputs.Select(input => TensorValues.Read(device, tape.GradientOf(input)))];
    }

    // Inputs of an operator on whatever device it runs.
    private sealed class Inputs(Device device, Tape tape)
    {
        public Tensor Values(Tensor tensor, uint site, float low, float high)
        {
            TensorValues.Fill(device, tensor, site, low, high);
            return tensor;
        }

        public Tensor Floats(int count) => Values(tape.Scratch(new Shape(count)), site: 50, 0, 1);

        public Tensor Integers(int[] values)
        {
            var tensor = tape.Scratch(new Shape(values.Length), ElementType.Int32);
            device.Upload(MemoryMarshal.AsBytes<int>(values), tensor.Address);
            return tensor;
        }

        public Tensor Labels() => Integers([0b1001, 0, 0b111_0000_0000, 0xff_ffff, 0b1]).Reshape(new Shape(Rows, 1));
    }
}
