using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Autograd;

public sealed class TapeTests
{
    private readonly record struct State(Tensor Input, Tensor Output, nint Calls);

    private static readonly Rule<State> Note = new(static (Tape tape, in State s) =>
    {
        unsafe
        {
            tape.GradientToWrite(s.Input, out int add);
            ((int*)s.Calls)[0]++;
            ((int*)s.Calls)[1] += add;
        }
    });

    [Fact]
    public void GradientToWrite_SecondWriter_Adds()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 4096);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        var x = tape.Result(new Shape(3), differentiable: true);
        var first = tape.GradientToWrite(x, out int add);
        Assert.Equal(0, add);
        var second = tape.GradientToWrite(x, out add);
        Assert.Equal(1, add);
        Assert.Equal(first.Address, second.Address);
    }

    [Theory, InlineData(ElementType.Float32, ElementType.BFloat16), InlineData(ElementType.BFloat16, ElementType.Float32)]
    public void Use_WeightsAndTheirCopy_HaveOneGradient(ElementType first, ElementType second)
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        var parameter = store.Add(0, "table", new Shape(5, 3), static (values, _, _) => values.Clear());
        store.Allocate(device, training: true, ElementType.BFloat16);
        using var arena = new Arena(device, 4096);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        tape.GradientToWrite(tape.Use(parameter, first), out int add);
        Assert.Equal(0, add);
        Assert.Equal(parameter.Gradient.Address, tape.GradientToWrite(tape.Use(parameter, second), out add).Address);
        Assert.Equal(1, add);
    }

    // A tensor's number on its own tape would be that of another tensor here.
    [Fact]
    public void EveryUse_TensorOfAnotherTape_IsRefused()
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        var (one, two) = (store.Add(0, "one", new Shape(3), static (values, _, _) => values.Clear()), store.Add(0, "two", new Shape(3), static (values, _, _) => values.Clear()));
        store.Allocate(device, training: true);
        using Arena arena = new(device, 4096), otherArena = new(device, 4096);
        using Tape tape = new(device.Stream, arena) { Mode = new(Training: true) }, other = new(device.Stream, otherArena) { Mode = new(Training: true) };
        var (parameter, result, term) = (other.Use(one), other.Result(new Shape(3), differentiable: true), other.Term(other.Scratch(new Shape(1)), 0));
        tape.Use(two);
        tape.Result(new Shape(3), differentiable: true);
        tape.Term(tape.Scratch(new Shape(1)), 0);
        var rule = new Rule<int>(static (Tape _, in int _) => { });
        foreach (var tensor in (Tensor[])[parameter, result, result.Reshape(new Shape(3, 1)), term])
        {
            Refuses(() => tape.GradientToWrite(tensor, out _));
            Refuses(() => tape.GradientOf(tensor));
            Refuses(() => tape.WeightOf(tensor));
            Refuses(() => tape.Record(rule, 0, tensor));
            other.GradientToWrite(tensor, out _);
        }
        Assert.Throws<ArgumentException>(() => tape.RunBackward(new LossTerm("mine", 1, term)));

        static void Refuses(Action act) => Assert.EndsWith("belongs to the tape of another step", Assert.Throws<InvalidOperationException>(act).Message);
    }

    [Fact]
    public void Use_PartsOfAParameter_HaveGradientsOfTheirOwnWithinIts()
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        var parameter = store.Add(0, "stacked", new Shape(5, 3), static (values, _, _) => values.Clear());
        store.Allocate(device, training: true);
        using var arena = new Arena(device, 4096);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        var top = tape.Use(parameter, 0, new Shape(2, 3));
        var rest = tape.Use(parameter, 6, new Shape(3, 3));
        Assert.Equal(top.Node, tape.Use(parameter, 0, new Shape(2, 3)).Node);
        Assert.Equal(parameter.Value.Address + 6 * sizeof(float), rest.Address);
        tape.GradientToWrite(top, out _);
        Assert.Equal(parameter.Gradient.Address + 6 * sizeof(float), tape.GradientToWrite(rest, out int add).Address);
        Assert.Equal(0, add); // the other part's writer is none of this one's
        Assert.Throws<InvalidOperationException>(() => tape.Use(parameter));
        Assert.Throws<InvalidOperationException>(() => tape.Use(parameter, 3, new Shape(2, 3)));
    }

    [Fact]
    public void GradientToWrite_OfAConstant_IsNone()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 4096);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        tape.Result(new Shape(3), differentiable: true); // the first place: no tensor at all may not take it
        Assert.False(tape.GradientToWrite(default, out _).Exists);
        Assert.False(tape.GradientToWrite(tape.Scratch(new Shape(3)), out _).Exists);
    }

    [Fact]
    public unsafe void RunBackward_OutputNobodyUsed_SkipsItsRule()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 4096);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        int* calls = stackalloc int[2] { 0, 0 };
        Tensor x = Result(), used = Result(), unused = Result();
        tape.Record(Note, new State(x, used, (nint)calls), used);
        tape.Record(Note, new State(x, unused, (nint)calls), unused);
        tape.GradientToWrite(used, out _); // as a loss would
        tape.RunBackward();
        Assert.Equal(1, calls[0]);

        Tensor Result() => tape.Result(new Shape(3), differentiable: true);
    }

    [Fact]
    public unsafe void RunBackward_FanOut_AddsFromTheSecondRuleOn()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 4096);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        int* calls = stackalloc int[2] { 0, 0 };
        var x = tape.Result(new Shape(3), differentiable: true);
        for (int i = 0; i < 3; i++)
            tape.RecordLoss(Note, new State(x, default, (nint)calls));
        tape.RunBackward();
        Assert.Equal((3, 2), (calls[0], calls[1]));
    }

    [Fact]
    public void Use_SameParameterTwice_IsOneNodeWithTheStoresGradient()
    {
        using var device = new CpuDevice(threads: 1);
        using var store = new ParameterStore();
        var parameter = store.Add(0, "weight", new Shape(4), static (values, _, _) => values.Clear());
        store.Allocate(device, training: true);
        store.Initialize(seed: 1);
        using var arena = new Arena(device, 4096);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        Tensor first = tape.Use(parameter), second = tape.Use(parameter);
        Assert.Equal(first.Node, second.Node);
        Assert.Equal(parameter.Gradient.Address, tape.GradientToWrite(first, out int add).Address);
        Assert.Equal(0, add);
        tape.GradientToWrite(second, out add);
        Assert.Equal(1, add);
    }

    [Fact]
    public void Result_OutsideOfTraining_HasNoNode()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 4096);
        using var tape = new Tape(device.Stream, arena);
        Assert.Equal(Tensor.NoNode, tape.Result(new Shape(3), differentiable: true).Node);
        Assert.Equal(0, tape.Dropout(site: 1, dropProbability: 0.5f, elements: 1).DropProbability);
    }

    [Fact]
    public void Clear_TakesTheStepsTensorsBack()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 4096);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true) };
        var x = tape.Result(new Shape(3), differentiable: true);
        tape.Clear();
        Assert.Throws<InvalidOperationException>(() => x.Address);
        Assert.Equal(0, arena.Used);
    }
}
