using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Tensors;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Operators on bf16 tensors of the device against fp32 on the CPU, with the same inputs: results and all gradients, which may differ by what a
/// few roundings to 8 bits do.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class BFloat16OperatorTests
{
    private const int Experts = 3, Rows = 5, Positions = 4, Width = 24, Vocabulary = 43;
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
            var terms = tape.Scratch(new Shape(2));
            PairLoss.Forward(tape, t[0], put.Floats(Rows), 0.5f, terms.Slice(0, new Shape(1)), terms.Slice(1, new Shape(1)), tape.Scratch(new Shape(Rows)));
            return terms;
        }),
        ["contrastive-loss"] = new([new(Experts, Rows, Width), new(Rows, Width)], static (tape, t, _) => OneTerm(tape, term => ContrastiveLoss.Forward(tape, t[0], t[1], 0.5f, 1, term))),
        ["tag-loss"] = new([new(Rows, Width)], static (tape, t, put) => OneTerm(tape, term => TagLoss.Forward(tape, t[0], put.Labels(), new TagFocus(0, 1, 0), 1, term))),
        ["tag-loss, consistent"] = new([new(Rows, Width), new(Experts, Rows, Width)], static (tape, t, put) =>
        {
            var terms = tape.Scratch(new Shape(3));
            TagLoss.Forward(tape, t[0], t[1], put.Labels(), new TagFocus(0, 1, 0), 1, new TagConsistency(2, 1e-8f, 10), terms);
            return terms;
        }),
        ["masked-token-loss"] = new([new(Rows, Width), new(Vocabulary, Width)], static (tape, t, put) => OneTerm(tape, term =>
            MaskedTokenLoss.Forward(tape, t[0], t[1], put.Values(tape.Scratch(new Shape(Vocabulary), t[0].Type), site: 51, -1, 1), put.Integers([0, 7, 42, 13, 1]), put.Floats(Rows), 1, term))),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    private delegate Tensor Operator(Tape tape, Tensor[] inputs, Inputs put);

    private sealed record Case(Shape[] Inputs, Operator Forward);

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
        using var tape = new Tape(device.Stream, arena) { Training = true, Precision = type.Precision() };
        var put = new Inputs(device, tape);
        Tensor[] inputs = [.. operation.Inputs.Select((shape, i) => put.Values(tape.Result(shape, differentiable: true, type), (uint)i, -2, 2))];
        var y = operation.Forward(tape, inputs, put);
        if (y.Node >= 0)
            put.Values(tape.GradientToWrite(y, out _), site: 99, -1, 1);
        tape.RunBackward();
        return [TensorValues.Read(device, y), .. inputs.Select(input => TensorValues.Read(device, tape.GradientOf(input)))];
    }

    private static Tensor OneTerm(Tape tape, Action<Tensor> forward)
    {
        var term = tape.Scratch(new Shape(1));
        forward(term);
        return term;
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
