using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

/// <summary>Operators refuse shapes and positions with which a kernel would access other memory.</summary>
public sealed class WrongShapesTests : IDisposable
{
    private readonly CpuDevice _device = new(threads: 1);
    private readonly Arena _arena;
    private readonly Tape _tape;

    public WrongShapesTests()
    {
        _arena = new Arena(_device, 1 << 16);
        _tape = new Tape(_device.Stream, _arena) { Mode = new(Training: true) };
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    [InlineData(-500_000_000)]
    public void SelectPosition_OutsideOfTheSequence_Throws(int position)
    {
        var x = Some(new(2, 3, 4));
        var failure = Assert.Throws<ArgumentException>(() => SelectPosition.Forward(_tape, x, position));
        Assert.Equal($"sequences [2, 3, 4] have no position {position}", failure.Message);
    }

    [Fact]
    public void Linear_BiasOfAnotherLength_Throws()
    {
        Tensor x = Some(new(3, 4)), weight = Some(new(6, 4)), stack = Some(new(2, 6, 4));
        Assert.Contains("a bias of [2]", Assert.Throws<ArgumentException>(() => Linear.Forward(_tape, x, weight, Some(new(2)))).Message, StringComparison.Ordinal);
        Assert.Contains("a bias of [6]", Assert.Throws<ArgumentException>(() => Linear.ForwardStack(_tape, x, stack, Some(new(6)))).Message, StringComparison.Ordinal);
        Assert.Equal("[2, 3, 6]", Linear.ForwardStack(_tape, x, stack, Some(new(2, 6))).Shape.ToString());
    }

    [Fact]
    public void Linear_StackOfAnotherNumberOfInputs_Throws()
    {
        Tensor x = Some(new(2, 5, 4)), weight = Some(new(3, 6, 4));
        Assert.Contains("was given [2, 5, 4]", Assert.Throws<ArgumentException>(() => Linear.ForwardStack(_tape, x, weight)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5, 2)]
    [InlineData(4, 3)]
    public void PairLoss_SidesWithoutTargets_Throws(int embeddings, int targets)
    {
        var x = Some(new(embeddings, 3));
        Assert.Contains($"[{targets}] targets", Assert.Throws<ArgumentException>(() => PairLoss.Forward(_tape, x, Some(new(targets)))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void IndexBatch_IndexOutsideOfTheTable_LeavesTheInputs()
    {
        using var inputs = new StepInputs(_device, IndexBatch.Inputs("words", 1, 2));
        IndexBatch.Upload(inputs, "words", [1, 2], rows: 3);
        Assert.Contains("the index 7", Assert.Throws<ArgumentException>(() => IndexBatch.Upload(inputs, "words", [0, 7], rows: 3)).Message, StringComparison.Ordinal);
        Assert.Equal([1, 2], _device.Read<int>(inputs["words"]));
    }

    public void Dispose()
    {
        _tape.Dispose();
        _arena.Dispose();
        _device.Dispose();
    }

    private Tensor Some(Shape shape) => _tape.Result(shape, differentiable: true);
}
